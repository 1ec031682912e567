// Package manifest turns a program's properties into Kubernetes objects and back into what Pulumi's state keeps.
package manifest

import (
	"encoding/base64"
	"fmt"
	"strings"

	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/secrecy"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// Keys of the state beside the live object, named as the official plugin names them.
const (
	InputsKey            = "__inputs"
	FieldManagerKey      = "__fieldManager"
	InitialAPIVersionKey = "__initialApiVersion"
)

// readOnly are keys of metadata that only the API server writes.
var readOnly = []string{
	"creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
	"resourceVersion", "uid",
}

// dashed maps the keys of schemas in custom resource definitions that Pulumi spells with underscores.
var dashed = map[string]string{
	"x_kubernetes_embedded_resource":       "x-kubernetes-embedded-resource",
	"x_kubernetes_int_or_string":           "x-kubernetes-int-or-string",
	"x_kubernetes_list_map_keys":           "x-kubernetes-list-map-keys",
	"x_kubernetes_list_type":               "x-kubernetes-list-type",
	"x_kubernetes_map_type":                "x-kubernetes-map-type",
	"x_kubernetes_preserve_unknown_fields": "x-kubernetes-preserve-unknown-fields",
	"x_kubernetes_validations":             "x-kubernetes-validations",
}

// underscored is the way back.
var underscored = func() map[string]string {
	reversed := make(map[string]string, len(dashed))
	for key, value := range dashed {
		reversed[value] = key
	}
	return reversed
}()

// FromProperties gives the object with secrets unwrapped; unknown values stay resource.Computed.
func FromProperties(properties resource.PropertyMap) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: rename(props.Plain(properties, false), dashed).(map[string]any)}
}

// ToProperties is the way back, without secrecy.
func ToProperties(object *unstructured.Unstructured) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(rename(object.Object, underscored).(map[string]any))
}

// rename copies a value with some keys of its maps renamed.
func rename(value any, names map[string]string) any {
	switch value := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(value))
		for key, inner := range value {
			if renamed, has := names[key]; has {
				key = renamed
			}
			copied[key] = rename(inner, names)
		}
		return copied
	case []any:
		copied := make([]any, len(value))
		for i, inner := range value {
			copied[i] = rename(inner, names)
		}
		return copied
	}
	return value
}

// HasUnknown tells whether a value is known only after an update.
func HasUnknown(value any) bool {
	switch value := value.(type) {
	case resource.Computed:
		return true
	case map[string]any:
		for _, inner := range value {
			if HasUnknown(inner) {
				return true
			}
		}
	case []any:
		for _, inner := range value {
			if HasUnknown(inner) {
				return true
			}
		}
	}
	return false
}

// KindOf reads group, version and kind from a resource type such as "kubernetes:apps/v1:Deployment".
func KindOf(urn resource.URN) (schema.GroupVersionKind, error) {
	kind := string(urn.Type().Name())
	group, version, found := strings.Cut(string(urn.Type().Module().Name()), "/")
	if string(urn.Type().Package()) != "kubernetes" || !found {
		return schema.GroupVersionKind{}, fmt.Errorf(
			"the resource type %q is not one of Kubernetes: its shape is kubernetes:<group>/<version>:<Kind>", urn.Type())
	}
	if group == "core" {
		group = ""
	}
	return schema.GroupVersionKind{Group: group, Version: version, Kind: kind}, nil
}

// IsCore tells whether the object is of the given kind in Kubernetes' core group, version v1.
func IsCore(object *unstructured.Unstructured, kind string) bool {
	return object.GetAPIVersion() == "v1" && object.GetKind() == kind
}

// Copy copies an object that may hold unknown values.
func Copy(object *unstructured.Unstructured) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: rename(object.Object, nil).(map[string]any)}
}

// Normalize writes what means the same in the same way: as the typed object would print it, with a Secret's stringData
// merged into its data, and without what only the API server writes. Objects with unknown values and of kinds that
// the client library does not know keep their form.
func Normalize(object *unstructured.Unstructured) *unstructured.Unstructured {
	normalized := Copy(object)
	if !HasUnknown(normalized.Object) {
		if IsCore(normalized, "Secret") {
			mergeStringData(normalized.Object)
		} else if typed := throughType(normalized); typed != nil {
			normalized.Object = Prune(typed, normalized.Object)
		}
	}
	for _, key := range readOnly {
		unstructured.RemoveNestedField(normalized.Object, "metadata", key)
	}
	return normalized
}

// throughType converts to the client library's type and back; nil when there is no such type or it does not fit.
func throughType(object *unstructured.Unstructured) map[string]any {
	typed, err := scheme.Scheme.New(object.GroupVersionKind())
	if err != nil {
		return nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		return nil
	}
	back, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return nil
	}
	return back
}

// mergeStringData does to a Secret what the API server does: stringData wins over data, and base64 is written in one way.
func mergeStringData(secret map[string]any) {
	data, hasData := secret["data"].(map[string]any)
	stringData, hasStringData := secret["stringData"].(map[string]any)
	if !hasData && !hasStringData {
		return
	}
	merged := make(map[string]any, len(data)+len(stringData))
	for key, value := range data {
		merged[key] = value
		if text, isText := value.(string); isText {
			if decoded, err := base64.StdEncoding.DecodeString(text); err == nil {
				merged[key] = base64.StdEncoding.EncodeToString(decoded)
			}
		}
	}
	for key, value := range stringData {
		text, isText := value.(string)
		if !isText {
			return
		}
		merged[key] = base64.StdEncoding.EncodeToString([]byte(text))
	}
	if len(stringData) > 0 {
		delete(secret, "stringData")
	}
	if len(merged) > 0 {
		secret["data"] = merged
	}
}

// Prune keeps of source what shape has too, level by level; lists keep as many elements as the shape's.
func Prune(source, shape map[string]any) map[string]any {
	kept := make(map[string]any, len(shape))
	for key, model := range shape {
		if value, has := source[key]; has {
			kept[key] = pruneValue(value, model)
		}
	}
	return kept
}

func pruneValue(value, model any) any {
	switch model := model.(type) {
	case map[string]any:
		if inner, same := value.(map[string]any); same {
			return Prune(inner, model)
		}
	case []any:
		if inner, same := value.([]any); same {
			kept := []any{}
			for i := 0; i < len(inner) && i < len(model); i++ {
				kept = append(kept, pruneValue(inner[i], model[i]))
			}
			return kept
		}
	}
	return value
}

// Checkpoint is what the state keeps of an object: the live object, the inputs and who applied it. given are the
// properties as the program gave them, from which secrecy is taken.
func Checkpoint(inputs, live *unstructured.Unstructured, given resource.PropertyMap, initialAPIVersion, fieldManager string,
) resource.PropertyMap {
	state, kept := ToProperties(live), ToProperties(inputs)
	secrecy.Mark(state, given)
	secrecy.Mark(kept, given)
	state[InputsKey] = resource.NewObjectProperty(kept)
	state[InitialAPIVersionKey] = resource.NewStringProperty(initialAPIVersion)
	state[FieldManagerKey] = resource.NewStringProperty(fieldManager)
	return state
}

// ParseCheckpoint splits a state into the inputs and the live object, secrets unwrapped.
func ParseCheckpoint(state resource.PropertyMap) (inputs, live *unstructured.Unstructured) {
	live = FromProperties(state)
	kept, has := live.Object[InputsKey].(map[string]any)
	if !has {
		kept = map[string]any{}
	}
	delete(live.Object, InputsKey)
	delete(live.Object, InitialAPIVersionKey)
	delete(live.Object, FieldManagerKey)
	return &unstructured.Unstructured{Object: kept}, live
}

// Text reads a string of a property map; anything else is "".
func Text(properties resource.PropertyMap, key resource.PropertyKey) string {
	if value, has := properties[key]; has && value.IsString() {
		return value.StringValue()
	}
	return ""
}

// ID is how Pulumi names an object: namespace/name, or the name alone.
func ID(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}

// ParseID splits what ID makes.
func ParseID(id string) (namespace, name string) {
	if namespace, name, found := strings.Cut(id, "/"); found {
		return namespace, name
	}
	return "", id
}
