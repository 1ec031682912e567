// The official Kubernetes plugin of Pulumi, from its Go module.
//
// The module is a library; its own program embeds two files that are made at its release and are not in the module. The
// build lays the module's originals over the two names here (`go build -overlay`, see gobuild.py).
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version"
)

//go:embed schema.json
var schema []byte

//go:embed terraform-mapping.json
var mapping []byte

func main() {
	provider.Serve("kubernetes", version.Version, schema, mapping)
}
