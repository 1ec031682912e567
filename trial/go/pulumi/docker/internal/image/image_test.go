package image

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func inputs(t *testing.T, more map[string]any) resource.PropertyMap {
	t.Helper()
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "Dockerfile"), []byte("FROM scratch\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Chdir(root)
	values := map[string]any{
		"imageName": "127.0.0.1:5000/a:1",
		"build":     map[string]any{"context": ".", "platform": "linux/amd64"},
		"registry":  map[string]any{"server": "127.0.0.1:5000", "username": "u", "password": "p"},
	}
	for key, value := range more {
		values[key] = value
	}
	return resource.NewPropertyMapFromMap(values)
}

func complete(t *testing.T, given resource.PropertyMap) resource.PropertyMap {
	t.Helper()
	completed, err := Complete(given, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	return completed
}

func TestCompleteAddsTheDigest(t *testing.T) {
	given := inputs(t, nil)
	build := complete(t, given)["build"].ObjectValue()
	if build["contextDigest"].StringValue() == "" || build["dockerfile"].StringValue() != "Dockerfile" {
		t.Fatalf("got %v", build)
	}
	if _, has := given["build"].ObjectValue()["contextDigest"]; has {
		t.Fatal("the given inputs were changed")
	}
}

func TestCompleteKeepsSecrets(t *testing.T) {
	given := inputs(t, nil)
	given["registry"].ObjectValue()["password"] = resource.MakeSecret(resource.NewStringProperty("p"))
	given["build"] = resource.MakeSecret(given["build"])
	completed := complete(t, given)
	if !completed["build"].IsSecret() || !completed["registry"].ObjectValue()["password"].IsSecret() {
		t.Fatalf("got %v", completed)
	}
	if completed["build"].SecretValue().Element.ObjectValue()["contextDigest"].StringValue() == "" {
		t.Fatal("no digest in a secret build")
	}
	state := Checkpoint(completed, resource.PropertyMap{"imageName": resource.NewStringProperty("a")})
	if !state[inputsKey].IsSecret() || len(Former(state)) != len(completed) {
		t.Fatalf("got %v", state)
	}
}

func TestMissingDockerfile(t *testing.T) {
	given := inputs(t, map[string]any{"build": map[string]any{"context": ".", "dockerfile": "other/Dockerfile"}})
	if _, err := Complete(given, func(string) {}); err == nil || !strings.Contains(err.Error(), "other/Dockerfile") {
		t.Fatalf("got %v", err)
	}
	if err := os.MkdirAll("app/sub", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("app/sub/Dockerfile", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	given = resource.NewPropertyMapFromMap(map[string]any{
		"imageName": "a", "build": map[string]any{"context": "app", "dockerfile": "sub/Dockerfile"},
	})
	if _, err := Complete(given, func(string) {}); err == nil || !strings.Contains(err.Error(), "app/sub/Dockerfile") {
		t.Fatalf("got %v", err)
	}
}

func TestUnknownBuildIsLeftAlone(t *testing.T) {
	given := inputs(t, nil)
	given["build"].ObjectValue()["context"] = resource.MakeComputed(resource.NewStringProperty(""))
	if build := complete(t, given)["build"].ObjectValue(); build.HasValue("contextDigest") {
		t.Fatalf("got %v", build)
	}
}

func TestDiff(t *testing.T) {
	former := complete(t, inputs(t, nil))
	if found := Diff(former, former); len(found) != 0 {
		t.Fatalf("nothing changed, but got %v", found)
	}
	changed := func(change func(resource.PropertyMap)) map[string]bool {
		wanted := resource.NewPropertyMapFromMap(former.Mappable())
		change(wanted)
		keys := map[string]bool{}
		for key := range Diff(former, wanted) {
			keys[key] = true
		}
		return keys
	}
	password := changed(func(wanted resource.PropertyMap) {
		wanted["registry"].ObjectValue()["password"] = resource.MakeSecret(resource.NewStringProperty("q"))
	})
	if len(password) != 0 {
		t.Fatalf("a changed password rebuilds: %v", password)
	}
	server := changed(func(wanted resource.PropertyMap) {
		wanted["registry"].ObjectValue()["server"] = resource.NewStringProperty("127.0.0.1:5001")
	})
	content := changed(func(wanted resource.PropertyMap) {
		wanted["build"].ObjectValue()["contextDigest"] = resource.NewStringProperty("x")
	})
	if !server["registry"] || !content["build"] || len(content) != 1 {
		t.Fatalf("got %v and %v", server, content)
	}
}

func TestBuilderVersion(t *testing.T) {
	image, err := Read(inputs(t, map[string]any{"build": map[string]any{"builderVersion": "BuilderV1"}}))
	if err != nil || !image.Build.Classic {
		t.Fatalf("got %v, %v", image, err)
	}
	if _, err := Read(inputs(t, map[string]any{"build": map[string]any{"builderVersion": "3"}})); err == nil {
		t.Fatal("accepted an unknown builder")
	}
}

func TestCanPreview(t *testing.T) {
	given := complete(t, inputs(t, map[string]any{"buildOnPreview": true}))
	if can, why := CanPreview(given); !can || why != "" {
		t.Fatalf("got %v, %q", can, why)
	}
	given["imageName"] = resource.MakeComputed(resource.NewStringProperty(""))
	if can, why := CanPreview(given); can || why == "" {
		t.Fatalf("got %v, %q", can, why)
	}
	if can, why := CanPreview(complete(t, inputs(t, nil))); can || why != "" {
		t.Fatalf("got %v, %q", can, why)
	}
}
