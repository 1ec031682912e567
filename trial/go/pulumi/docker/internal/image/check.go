package image

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"astro-dbt.local/pulumi/docker/internal/buildcontext"
	"astro-dbt.local/pulumi/docker/internal/props"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Complete fills in the inputs, in a copy: build context, Dockerfile, platform, and contextDigest, which makes a change
// of the files a change of the resource. notice is called with what the user should know.
func Complete(inputs resource.PropertyMap, notice func(string)) (resource.PropertyMap, error) {
	completed := inputs.Copy()
	image, err := Read(inputs)
	if err != nil {
		return nil, err
	}
	preview := resource.NewBoolProperty(false)
	if value, has := completed["buildOnPreview"]; has && !value.ContainsUnknowns() {
		preview = value
	}
	completed["buildOnPreview"] = preview

	build, secret, given := buildOf(completed)
	if !given {
		return completed, nil
	}
	set := func(key resource.PropertyKey, value string) { build[key] = resource.NewStringProperty(value) }
	known := !build["dockerfile"].ContainsUnknowns() && !build["context"].ContainsUnknowns()
	if known {
		set("dockerfile", image.Build.Dockerfile)
		set("context", image.Build.Context)
		if err := requireDockerfile(image.Build); err != nil {
			return nil, err
		}
		digest, err := buildcontext.Digest(image.Build.Context, image.Build.Dockerfile)
		if err != nil {
			return nil, err
		}
		set("contextDigest", digest)
	}
	if _, has := build["platform"]; !has {
		platform := "linux/" + runtime.GOARCH
		set("platform", platform)
		notice(fmt.Sprintf("Building your image for %s architecture.\nTo ensure you are building for the correct platform, "+
			"consider explicitly setting the `platform` field on ImageBuildOptions.", platform))
	}
	completed["build"] = resource.NewObjectProperty(build)
	if secret {
		completed["build"] = resource.MakeSecret(completed["build"])
	}
	return completed, nil
}

// buildOf gives a copy of the build's properties and whether they are secret as a whole; given is false when the build
// is not known yet.
func buildOf(inputs resource.PropertyMap) (build resource.PropertyMap, secret, given bool) {
	value, has := inputs["build"]
	if !has || value.IsNull() {
		return resource.PropertyMap{}, false, true
	}
	for value.IsSecret() {
		value, secret = value.SecretValue().Element, true
	}
	if !value.IsObject() {
		return nil, secret, false
	}
	return value.ObjectValue().Copy(), secret, true
}

func requireDockerfile(build Build) error {
	_, err := os.Stat(build.Dockerfile)
	if err == nil {
		return nil
	}
	if filepath.IsAbs(build.Dockerfile) {
		return fmt.Errorf("expected a relative Dockerfile path; got %q instead: %w", build.Dockerfile, err)
	}
	below := filepath.Join(build.Context, build.Dockerfile)
	if _, missing := os.Stat(below); missing == nil {
		return fmt.Errorf("could not open dockerfile at relative path %q. Try setting `dockerfile` to %q",
			build.Dockerfile, below)
	}
	return fmt.Errorf("could not open dockerfile at relative path %q: %w", build.Dockerfile, err)
}

// CanPreview tells whether a preview should build, and why not when it was asked to.
func CanPreview(inputs resource.PropertyMap) (bool, string) {
	wanted := inputs["buildOnPreview"]
	if !wanted.IsBool() || !wanted.BoolValue() {
		return false, ""
	}
	build, _, given := buildOf(inputs)
	if !given || inputs["imageName"].ContainsUnknowns() || build["dockerfile"].ContainsUnknowns() ||
		build["context"].ContainsUnknowns() || build["args"].ContainsUnknowns() {
		return false, "Minimum inputs for build are unresolved. Continuing without preview image build. " +
			"To avoid this warning, ensure image name, dockerfile, args, and context are resolved at preview."
	}
	return true, ""
}

// Checkpoint is what the state keeps: the outputs, and the inputs as a secret.
func Checkpoint(inputs, outputs resource.PropertyMap) resource.PropertyMap {
	state := outputs.Copy()
	state[inputsKey] = resource.MakeSecret(resource.NewObjectProperty(inputs))
	return state
}

const inputsKey = "__inputs"

// Former gives the inputs kept in a state.
func Former(state resource.PropertyMap) resource.PropertyMap {
	kept, has := state[inputsKey]
	for has && kept.IsSecret() {
		kept = kept.SecretValue().Element
	}
	if !has || !kept.IsObject() {
		return resource.PropertyMap{}
	}
	return kept.ObjectValue()
}

// plainMap unwraps secrets and keeps unknown values.
func plainMap(properties resource.PropertyMap) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(props.Plain(properties, false))
}
