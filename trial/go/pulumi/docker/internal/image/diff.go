package image

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Diff compares inputs, top-level key by key. Credentials of the registry don't count: they change often, and an image
// is none the worse for it.
func Diff(former, wanted resource.PropertyMap) map[string]*pulumirpc.PropertyDiff {
	found := map[string]*pulumirpc.PropertyDiff{}
	difference := plainMap(former).Diff(plainMap(wanted))
	if difference == nil {
		return found
	}
	for key := range difference.Adds {
		found[string(key)] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_ADD}
	}
	for key := range difference.Deletes {
		found[string(key)] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_DELETE}
	}
	for key, change := range difference.Updates {
		if key == "registry" && change.Object != nil && !change.Object.Changed("server") {
			continue
		}
		found[string(key)] = &pulumirpc.PropertyDiff{Kind: pulumirpc.PropertyDiff_UPDATE}
	}
	return found
}
