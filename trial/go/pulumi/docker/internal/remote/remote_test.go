package remote

import (
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func inputs(changes map[string]any) resource.PropertyMap {
	values := map[string]any{"name": "127.0.0.1:5000/a:1", "platform": "linux/amd64", "keepLocally": true,
		"triggers": map[string]any{"context": "x"}}
	for key, value := range changes {
		values[key] = value
	}
	return resource.NewPropertyMapFromMap(values)
}

func TestRead(t *testing.T) {
	if got := Read(inputs(nil)); got != (Image{Name: "127.0.0.1:5000/a:1", Platform: "linux/amd64", KeepLocally: true}) {
		t.Fatalf("got %+v", got)
	}
	unknown := inputs(nil)
	unknown["name"] = resource.MakeComputed(resource.NewStringProperty(""))
	if got := Read(unknown); got.Name != "" {
		t.Fatalf("got %+v", got)
	}
}

func TestDiff(t *testing.T) {
	if changed, replaced := Diff(inputs(nil), inputs(nil)); changed != nil || replaced != nil {
		t.Fatalf("got %v, %v", changed, replaced)
	}
	changed, replaced := Diff(inputs(nil), inputs(map[string]any{"triggers": map[string]any{"context": "y"}, "keepLocally": false}))
	slices.Sort(changed)
	if !slices.Equal(changed, []string{"keepLocally", "triggers"}) || !slices.Equal(replaced, []string{"triggers"}) {
		t.Fatalf("got %v, %v", changed, replaced)
	}
}
