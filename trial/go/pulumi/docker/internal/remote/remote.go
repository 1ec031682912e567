// Package remote has the inputs of docker:index/remoteImage:RemoteImage: an image that is pulled into the engine.
package remote

import (
	"astro-dbt.local/pulumi/docker/internal/props"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Type is the resource type.
const Type = "docker:index/remoteImage:RemoteImage"

// replacing are the inputs whose change pulls the image anew, as another resource.
var replacing = map[resource.PropertyKey]bool{"name": true, "platform": true, "triggers": true, "pullTriggers": true}

// Image is what a program declares.
type Image struct {
	Name        string
	Platform    string
	KeepLocally bool
}

// Read takes an image from its inputs; unknown values read as if they were not given.
func Read(inputs resource.PropertyMap) Image {
	plain := props.Plain(inputs, true)
	name, _ := plain["name"].(string)
	platform, _ := plain["platform"].(string)
	keep, _ := plain["keepLocally"].(bool)
	return Image{Name: name, Platform: platform, KeepLocally: keep}
}

// Diff tells which inputs changed, and which of them make it another resource.
func Diff(former, wanted resource.PropertyMap) (changed, replaced []string) {
	difference := former.Diff(wanted)
	if difference == nil {
		return nil, nil
	}
	for _, key := range difference.ChangedKeys() {
		changed = append(changed, string(key))
		if replacing[key] {
			replaced = append(replaced, string(key))
		}
	}
	return changed, replaced
}
