package manifest

import (
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Annotations that users set to steer the plugin, and the one that marks names it made.
const (
	autonamedAnnotation = "pulumi.com/autonamed"

	SkipAwaitAnnotation           = "pulumi.com/skipAwait"
	TimeoutAnnotation             = "pulumi.com/timeoutSeconds"
	PatchForceAnnotation          = "pulumi.com/patchForce"
	FieldManagerAnnotation        = "pulumi.com/patchFieldManager"
	DeletionPropagationAnnotation = "pulumi.com/deletionPropagationPolicy"
)

// IsTrue tells whether an annotation is "true".
func IsTrue(object *unstructured.Unstructured, annotation string) bool {
	return object.GetAnnotations()[annotation] == "true"
}

// IsNamed tells whether the object has a name, known or not.
func IsNamed(object *unstructured.Unstructured) bool {
	name, has, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", "name")
	return has && name != nil && name != ""
}

// IsAutonamed tells whether the plugin made the object's name.
func IsAutonamed(object *unstructured.Unstructured) bool {
	return IsTrue(object, autonamedAnnotation)
}

// HasGenerateName tells whether the API server is asked to make the name.
func HasGenerateName(object *unstructured.Unstructured) bool {
	prefix, has, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", "generateName")
	return !IsNamed(object) && has && prefix != nil && prefix != ""
}

// AdoptName gives an object without a name the one that the plugin once made for it.
func AdoptName(object, former *unstructured.Unstructured) {
	if !IsNamed(object) && IsAutonamed(former) {
		setAutoname(object, former.GetName())
	}
}

// Autoname makes a name for an object that has none, from the resource's name and a random suffix, or as the engine's
// autonaming configuration says.
func Autoname(object *unstructured.Unstructured, request *pulumirpc.CheckRequest) error {
	if IsNamed(object) || HasGenerateName(object) {
		return nil
	}
	if options := request.GetAutonaming(); options != nil {
		switch options.GetMode() {
		case pulumirpc.CheckRequest_AutonamingOptions_DISABLE:
			return errors.New("autonaming is disabled, resource requires the .metadata.name field to be set")
		case pulumirpc.CheckRequest_AutonamingOptions_ENFORCE, pulumirpc.CheckRequest_AutonamingOptions_PROPOSE:
			setAutoname(object, options.GetProposedName())
			return nil
		}
	}
	prefix := resource.URN(request.GetUrn()).Name() + "-"
	name, err := resource.NewUniqueName(request.GetRandomSeed(), prefix, 0, 0, nil)
	if err != nil {
		return err
	}
	setAutoname(object, name)
	return nil
}

func setAutoname(object *unstructured.Unstructured, name string) {
	object.SetName(name)
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = map[string]string{}
	}
	annotations[autonamedAnnotation] = "true"
	object.SetAnnotations(annotations)
}
