// Package secrecy carries secrets and unknown values from what a program gave to what a resource became, so that
// neither a state file nor a preview shows what the program marked as secret.
package secrecy

import "github.com/pulumi/pulumi/sdk/v3/go/common/resource"

// secretKind is the kind of the Kubernetes objects whose data is always secret.
const secretKind = "Secret"

// Mark wraps, in place, each output whose input of the same key holds a secret. Objects are entered key by key; a list
// with one secret element becomes secret as a whole, because its order may differ. The data of Kubernetes Secrets is
// wrapped whatever the input says.
func Mark(outputs, inputs resource.PropertyMap) {
	if outputs == nil {
		return
	}
	if kind, has := outputs["kind"]; has && kind.IsString() && kind.StringValue() == secretKind {
		for _, key := range []resource.PropertyKey{"data", "stringData"} {
			wrap(outputs, key)
		}
		return
	}
	for key, input := range inputs {
		output, has := outputs[key]
		switch {
		case !has:
		case output.IsObject() && input.IsObject():
			Mark(output.ObjectValue(), input.ObjectValue())
		case input.ContainsSecrets():
			wrap(outputs, key)
		}
	}
}

func wrap(values resource.PropertyMap, key resource.PropertyKey) {
	if value, has := values[key]; has && !value.IsSecret() {
		values[key] = resource.MakeSecret(value)
	}
}

// MarkUnknown makes, in place, each output unknown whose input of the same key, or of the same place in a list, is
// unknown. Keys that the output has not are left alone.
func MarkUnknown(outputs, inputs resource.PropertyMap) {
	for key, input := range inputs {
		if output, has := outputs[key]; has {
			outputs[key] = unknownLike(output, input)
		}
	}
}

func unknownLike(output, input resource.PropertyValue) resource.PropertyValue {
	switch {
	case input.IsSecret():
		return unknownLike(output, input.SecretValue().Element)
	case input.IsComputed() || (input.IsOutput() && !input.OutputValue().Known):
		return resource.MakeComputed(resource.NewStringProperty(""))
	case output.IsObject() && input.IsObject():
		MarkUnknown(output.ObjectValue(), input.ObjectValue())
	case output.IsArray() && input.IsArray():
		outputs := output.ArrayValue()
		for i, element := range input.ArrayValue() {
			if i < len(outputs) {
				outputs[i] = unknownLike(outputs[i], element)
			}
		}
	}
	return output
}
