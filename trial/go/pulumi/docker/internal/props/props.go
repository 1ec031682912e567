// Package props converts between the engine's wire format and property maps, with secrets, unknowns and assets kept.
package props

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/structpb"
)

var options = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, SkipNulls: true}

// Read decodes what the engine sent. Secrets stay wrapped, unknown values stay unknown, nulls are dropped.
func Read(message *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(message, options)
}

// Write encodes an answer to the engine.
func Write(properties resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(properties, options)
}

// Plain gives the Go value of a map with secrets unwrapped and, when unknownsAsNil, unknown values as nil; otherwise
// unknown values stay resource.Computed.
func Plain(properties resource.PropertyMap, unknownsAsNil bool) map[string]any {
	var replace func(resource.PropertyValue) (any, bool)
	replace = func(value resource.PropertyValue) (any, bool) {
		switch {
		case value.IsSecret():
			return value.SecretValue().Element.MapRepl(nil, replace), true
		case value.IsOutput():
			output := value.OutputValue()
			if output.Known {
				return output.Element.MapRepl(nil, replace), true
			}
			if unknownsAsNil {
				return nil, true
			}
			return resource.Computed{Element: resource.NewStringProperty("")}, true
		case value.IsComputed() && unknownsAsNil:
			return nil, true
		}
		return nil, false
	}
	return properties.MapRepl(nil, replace)
}

// InitFailed is the error of a resource that exists and did not become ready: the engine records the state and shows
// the reasons, and the next update tries again.
func InitFailed(id string, cause error, state, inputs resource.PropertyMap) error {
	properties, err := Write(state)
	if err != nil {
		return err
	}
	detail := pulumirpc.ErrorResourceInitFailed{Id: id, Properties: properties, Reasons: []string{cause.Error()}}
	if inputs != nil {
		if detail.Inputs, err = Write(inputs); err != nil {
			return err
		}
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, cause.Error()), &detail)
}
