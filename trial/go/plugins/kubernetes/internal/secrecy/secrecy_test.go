package secrecy

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

func text(value string) resource.PropertyValue { return resource.NewStringProperty(value) }

func secret(value resource.PropertyValue) resource.PropertyValue { return resource.MakeSecret(value) }

func object(values resource.PropertyMap) resource.PropertyValue {
	return resource.NewObjectProperty(values)
}

func list(values ...resource.PropertyValue) resource.PropertyValue {
	return resource.NewArrayProperty(values)
}

func TestMarkGoesDownToTheKey(t *testing.T) {
	outputs := resource.PropertyMap{
		"values": object(resource.PropertyMap{"token": text("t"), "plain": text("p")}), "args": list(text("a"), text("b")),
		"whole": object(resource.PropertyMap{"a": text("x")}),
	}
	Mark(outputs, resource.PropertyMap{
		"values": object(resource.PropertyMap{"token": secret(text("t")), "plain": text("p"), "unused": secret(text("u"))}),
		"args":   list(text("a"), secret(text("b"))),
		"whole":  secret(object(resource.PropertyMap{"a": text("x")})),
	})
	values := outputs["values"].ObjectValue()
	if !values["token"].IsSecret() || values["plain"].IsSecret() {
		t.Fatalf("values: %v", values)
	}
	if _, has := values["unused"]; has {
		t.Fatal("a key appeared that the output did not have")
	}
	if !outputs["args"].IsSecret() || !outputs["whole"].IsSecret() {
		t.Fatalf("got %v", outputs)
	}
}

func TestSecretsDataIsAlwaysSecret(t *testing.T) {
	outputs := resource.PropertyMap{
		"kind": text("Secret"), "data": object(resource.PropertyMap{"a": text("YQ==")}),
		"stringData": object(resource.PropertyMap{"a": text("a")}), "type": text("Opaque"),
	}
	Mark(outputs, nil)
	if !outputs["data"].IsSecret() || !outputs["stringData"].IsSecret() || outputs["type"].IsSecret() {
		t.Fatalf("got %v", outputs)
	}
	Mark(outputs, nil)
	if outputs["data"].SecretValue().Element.IsSecret() {
		t.Fatal("wrapped twice")
	}
}

func TestMarkUnknown(t *testing.T) {
	unknown := resource.MakeComputed(text(""))
	outputs := resource.PropertyMap{
		"a": text("x"), "b": object(resource.PropertyMap{"c": text("x"), "d": text("y")}), "l": list(text("0"), text("1")),
	}
	MarkUnknown(outputs, resource.PropertyMap{
		"a": secret(unknown), "b": object(resource.PropertyMap{"c": unknown}), "l": list(text("0"), unknown), "z": unknown,
	})
	if !outputs["a"].IsComputed() || !outputs["b"].ObjectValue()["c"].IsComputed() || !outputs["l"].ArrayValue()[1].IsComputed() {
		t.Fatalf("got %v", outputs)
	}
	if outputs["b"].ObjectValue()["d"].IsComputed() || len(outputs) != 3 {
		t.Fatalf("got %v", outputs)
	}
}
