// The trial's stand-in of the Pulumi plugin for Kubernetes and Helm.
package main

import (
	"io"
	"log"
	"os"

	"astro-dbt.local/plugins/common/serve"
	"astro-dbt.local/plugins/kubernetes/internal/server"
)

func main() {
	// Helm's library warns through the standard logger, and its warnings may quote values.
	log.SetOutput(io.Discard)
	os.Exit(serve.Main(server.New(), server.Version))
}
