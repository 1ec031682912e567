// Package image has the inputs of docker:index/image:Image: how they are read, completed and compared.
package image

import (
	"fmt"
	"path"

	"astro-dbt.local/pulumi/docker/internal/props"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Type is the resource type served here.
const Type = "docker:index/image:Image"

// Image is what a program declares.
type Image struct {
	Name     string
	SkipPush bool
	Build    Build
	Registry Registry
}

// Registry is where the image is pushed, and the credentials.
type Registry struct {
	Server   string
	Username string
	Password string
}

// Build says how the image is made.
type Build struct {
	Context    string
	Dockerfile string
	Args       map[string]*string
	Target     string
	Platform   string
	Network    string
	AddHosts   []string
	CacheFrom  []string
	// Classic chooses the builder from before BuildKit.
	Classic bool
}

// Read takes an image from its inputs, secrets unwrapped. Unknown values read as if they were not given: only a
// preview has them, and it builds only when nothing that matters is unknown.
func Read(inputs resource.PropertyMap) (Image, error) {
	plain := object(props.Plain(inputs, true))
	registry := plain.object("registry")
	build, err := readBuild(plain.object("build"))
	skip, _ := plain["skipPush"].(bool)
	return Image{
		Name: plain.text("imageName"), SkipPush: skip, Build: build,
		Registry: Registry{
			Server: registry.text("server"), Username: registry.text("username"), Password: registry.text("password"),
		},
	}, err
}

func readBuild(given object) (Build, error) {
	build := Build{
		Context: given.text("context"), Dockerfile: given.text("dockerfile"), Target: given.text("target"),
		Platform: given.text("platform"), Network: given.text("network"), AddHosts: given.texts("addHosts"),
	}
	if build.Context == "" {
		build.Context = "."
	}
	if build.Dockerfile == "" {
		build.Dockerfile = path.Join(build.Context, "Dockerfile")
	}
	for name, value := range given.object("args") {
		if text, isText := value.(string); isText {
			if build.Args == nil {
				build.Args = map[string]*string{}
			}
			build.Args[name] = &text
		}
	}
	if cache := given.object("cacheFrom"); cache != nil {
		if _, has := cache["images"]; !has {
			return build, fmt.Errorf("cacheFrom requires an `images` field")
		}
		build.CacheFrom = cache.texts("images")
	}
	switch builder := given.text("builderVersion"); builder {
	case "", "BuilderBuildKit":
	case "BuilderV1":
		build.Classic = true
	default:
		return build, fmt.Errorf("builderVersion is %q: write BuilderBuildKit or BuilderV1", builder)
	}
	return build, nil
}

// object is a decoded map with forgiving reads.
type object map[string]any

func (o object) text(key string) string {
	value, _ := o[key].(string)
	return value
}

func (o object) object(key string) object {
	value, _ := o[key].(map[string]any)
	return value
}

func (o object) texts(key string) []string {
	list, _ := o[key].([]any)
	var texts []string
	for _, value := range list {
		if text, isText := value.(string); isText {
			texts = append(texts, text)
		}
	}
	return texts
}
