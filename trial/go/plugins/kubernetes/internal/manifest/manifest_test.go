package manifest

import (
	"reflect"
	"strings"
	"testing"

	"astro-dbt.local/plugins/kubernetes/internal/diff"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const secretURN = "urn:pulumi:dev::p::kubernetes:core/v1:Secret::token"

func secretProperties() resource.PropertyMap {
	return resource.PropertyMap{
		"apiVersion": resource.NewStringProperty("v1"),
		"kind":       resource.NewStringProperty("Secret"),
		"metadata":   resource.NewPropertyValue(map[string]any{"name": "s"}),
		"stringData": resource.MakeSecret(resource.NewPropertyValue(map[string]any{"a": "1"})),
	}
}

func TestStringDataBecomesData(t *testing.T) {
	object := Normalize(FromProperties(secretProperties()))
	if !reflect.DeepEqual(object.Object["data"], map[string]any{"a": "MQ=="}) {
		t.Fatalf("got %v", object.Object)
	}
	if _, has := object.Object["stringData"]; has {
		t.Fatal("stringData is still there")
	}
}

func TestNormalizeKeepsUnknowns(t *testing.T) {
	properties := secretProperties()
	properties["stringData"] = resource.NewObjectProperty(resource.PropertyMap{
		"a": resource.MakeSecret(resource.MakeComputed(resource.NewStringProperty(""))),
	})
	object := FromProperties(properties)
	if !HasUnknown(object.Object) {
		t.Fatal("the unknown value was lost")
	}
	if normalized := Normalize(object); !reflect.DeepEqual(normalized.Object, object.Object) {
		t.Fatalf("got %v", normalized.Object)
	}
}

func TestNormalizeThroughTheType(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": map[string]any{"name": "p", "uid": "u", "resourceVersion": "3"},
		"spec":     map[string]any{"resources": map[string]any{"requests": map[string]any{"storage": "1024Mi"}}},
	}}
	normalized := Normalize(object)
	storage, _, _ := unstructured.NestedString(normalized.Object, "spec", "resources", "requests", "storage")
	if storage != "1Gi" {
		t.Fatalf("got %q", storage)
	}
	if _, has := normalized.Object["status"]; has {
		t.Fatal("a key appeared that the program did not give")
	}
	if !reflect.DeepEqual(normalized.Object["metadata"], map[string]any{"name": "p"}) {
		t.Fatalf("got %v", normalized.Object["metadata"])
	}
	if object.Object["metadata"].(map[string]any)["uid"] != "u" {
		t.Fatal("the given object was changed")
	}
}

func TestCheckpointRoundTripKeepsSecrets(t *testing.T) {
	given := secretProperties()
	inputs := Normalize(FromProperties(given))
	live := Copy(inputs)
	live.SetUID("u")
	state := Checkpoint(inputs, live, given, "v1", "manager")
	if !state["data"].IsSecret() || !state[InputsKey].ObjectValue()["data"].IsSecret() {
		t.Fatalf("got %v", state)
	}
	backInputs, backLive := ParseCheckpoint(state)
	if !reflect.DeepEqual(backInputs.Object, inputs.Object) || !reflect.DeepEqual(backLive.Object, live.Object) {
		t.Fatalf("got %v and %v", backInputs.Object, backLive.Object)
	}
	if Text(state, FieldManagerKey) != "manager" {
		t.Fatal("the field manager was lost")
	}
}

func TestSecretDataReplacesUnlessMutable(t *testing.T) {
	former := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "MQ=="}}
	wanted := map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"a": "Mg=="}}
	object := &unstructured.Unstructured{Object: wanted}
	replaced := func(mutability Mutability) []string {
		return diff.Compute(wanted, former, former, Immovable(object, mutability)).Replaces()
	}
	if got := replaced(Mutability{}); !reflect.DeepEqual(got, []string{"data.a"}) {
		t.Fatalf("by default: %v", got)
	}
	if got := replaced(Mutability{Secrets: true}); got != nil {
		t.Fatalf("when mutable: %v", got)
	}
	wanted["immutable"] = true
	if got := replaced(Mutability{Secrets: true}); got == nil {
		t.Fatal("an immutable Secret was to change in place")
	}
}

func TestAutonaming(t *testing.T) {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "Secret"}}
	if err := Autoname(object, &pulumirpc.CheckRequest{Urn: secretURN, RandomSeed: []byte(strings.Repeat("s", 32))}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(object.GetName(), "token-") || !IsAutonamed(object) {
		t.Fatalf("got %v", object.Object)
	}
	next := &unstructured.Unstructured{Object: map[string]any{}}
	AdoptName(next, object)
	if next.GetName() != object.GetName() || !IsAutonamed(next) {
		t.Fatalf("got %v", next.Object)
	}
	unknown := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": resource.Computed{}}}}
	if err := Autoname(unknown, &pulumirpc.CheckRequest{Urn: secretURN}); err != nil || IsAutonamed(unknown) {
		t.Fatal("an unknown name is a name")
	}
}

func TestKindOf(t *testing.T) {
	kind, err := KindOf(secretURN)
	if err != nil || kind.Group != "" || kind.Version != "v1" || kind.Kind != "Secret" {
		t.Fatalf("got %v, %v", kind, err)
	}
	kind, err = KindOf("urn:pulumi:dev::p::kubernetes:apps/v1:Deployment::d")
	if err != nil || kind.Group != "apps" {
		t.Fatalf("got %v, %v", kind, err)
	}
}

func TestIDs(t *testing.T) {
	for _, id := range []string{"a", "ns/a"} {
		if got := ID(ParseID(id)); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
}
