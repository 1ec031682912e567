package diff

import (
	"reflect"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func kinds(d Diff) map[string]string {
	named := map[string]string{}
	for path, change := range d {
		named[path] = change.Kind.String()
	}
	return named
}

func TestNothingChanged(t *testing.T) {
	state := map[string]any{"a": map[string]any{"b": []any{1.0, "x"}}, "set-by-somebody-else": true}
	wanted := map[string]any{"a": map[string]any{"b": []any{int64(1), "x"}}}
	if d := Compute(wanted, state, wanted, nil); len(d) != 0 {
		t.Fatalf("got %v", kinds(d))
	}
}

func TestEachKindOfChange(t *testing.T) {
	former := map[string]any{
		"gone": 1.0, "kept": "x", "map": map[string]any{"old": 1.0, "same": 1.0},
		"list": []any{map[string]any{"name": "a", "extra": 1.0}, "dropped"},
	}
	wanted := map[string]any{
		"new": 1.0, "kept": "y", "map": map[string]any{"a.b/c": 1.0, "same": 1.0},
		"list": []any{map[string]any{"name": "b"}}, "later": resource.Computed{},
	}
	got := kinds(Compute(wanted, former, former, nil))
	want := map[string]string{
		"gone": "DELETE", "new": "ADD", "kept": "UPDATE", "map.old": "DELETE", `map["a.b/c"]`: "ADD",
		"list[0].name": "UPDATE", "list[0].extra": "DELETE", "list[1]": "DELETE", "later": "ADD",
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v\nwant %v", got, want)
	}
}

func TestUnknownValueOfAPresentKeyIsAnUpdate(t *testing.T) {
	got := kinds(Compute(map[string]any{"a": resource.Computed{}}, map[string]any{"a": "x"}, map[string]any{"a": "x"}, nil))
	if got["a"] != "UPDATE" {
		t.Fatalf("got %v", got)
	}
}

func TestStateThatNobodyAskedForIsNoDeletion(t *testing.T) {
	if d := Compute(map[string]any{}, map[string]any{"status": "x"}, map[string]any{}, nil); len(d) != 0 {
		t.Fatalf("got %v", kinds(d))
	}
}

func TestReplacements(t *testing.T) {
	immovable := NewPatterns("metadata.name", "data", "spec.containers[*].image")
	former := map[string]any{
		"metadata": map[string]any{"name": "a", "labels": map[string]any{}}, "data": map[string]any{"k": "v"},
		"spec": map[string]any{"containers": []any{map[string]any{"image": "x", "name": "c"}}},
	}
	wanted := map[string]any{
		"metadata": map[string]any{"name": "b", "labels": map[string]any{"l": "1"}}, "data": map[string]any{"k": "w"},
		"spec": map[string]any{"containers": []any{map[string]any{"image": "y", "name": "c"}, map[string]any{"image": "z"}}},
	}
	d := Compute(wanted, former, former, immovable)
	want := []string{"data.k", "metadata.name", "spec.containers[0].image", "spec.containers[1]"}
	if got := d.Replaces(); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v", got)
	}
	if d["metadata.labels.l"].Kind != pulumirpc.PropertyDiff_ADD {
		t.Fatalf("a label must not replace: %v", kinds(d))
	}
	if got := d.TopLevel(); !reflect.DeepEqual(got, []string{"data", "metadata", "spec"}) {
		t.Fatalf("got %v", got)
	}
}

func TestDeletionOfImmovableReplaces(t *testing.T) {
	former := map[string]any{"data": map[string]any{"k": "v", "l": "w"}}
	d := Compute(map[string]any{"data": map[string]any{"k": "v"}}, former, former, NewPatterns("data"))
	if d["data.l"].Kind != pulumirpc.PropertyDiff_DELETE_REPLACE || !d["data.l"].InputDiff {
		t.Fatalf("got %v", kinds(d))
	}
}
