package props

import (
	"errors"
	"reflect"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func sample() resource.PropertyMap {
	return resource.PropertyMap{
		"plain":   resource.NewStringProperty("a"),
		"secret":  resource.MakeSecret(resource.NewStringProperty("b")),
		"unknown": resource.MakeComputed(resource.NewStringProperty("")),
		"nested": resource.NewObjectProperty(resource.PropertyMap{
			"list": resource.NewArrayProperty([]resource.PropertyValue{
				resource.MakeSecret(resource.NewNumberProperty(1)), resource.NewBoolProperty(true),
			}),
		}),
	}
}

func TestRoundTripKeepsSecretsAndUnknowns(t *testing.T) {
	message, err := Write(sample())
	if err != nil {
		t.Fatal(err)
	}
	back, err := Read(message)
	if err != nil {
		t.Fatal(err)
	}
	if !back["secret"].IsSecret() || !back["unknown"].IsComputed() {
		t.Fatalf("got %v", back)
	}
	if !back["nested"].ObjectValue()["list"].ArrayValue()[0].IsSecret() {
		t.Fatal("the nested secret was lost")
	}
}

func TestPlain(t *testing.T) {
	want := map[string]any{
		"plain": "a", "secret": "b", "unknown": nil, "nested": map[string]any{"list": []any{1.0, true}},
	}
	if got := Plain(sample(), true); !reflect.DeepEqual(got, want) {
		t.Fatalf("got %v", got)
	}
	if _, ok := Plain(sample(), false)["unknown"].(resource.Computed); !ok {
		t.Fatal("the unknown value was lost")
	}
}

func TestInitFailedCarriesTheState(t *testing.T) {
	err := InitFailed("ns/name", errors.New("not ready"), sample(), nil)
	converted, ok := rpcerror.FromError(err)
	if !ok || len(converted.Details()) != 1 {
		t.Fatalf("no details in %v", err)
	}
	detail, ok := converted.Details()[0].(*pulumirpc.ErrorResourceInitFailed)
	if !ok || detail.Id != "ns/name" || detail.Reasons[0] != "not ready" || detail.Properties.Fields["plain"] == nil {
		t.Fatalf("got %v", converted.Details())
	}
}
