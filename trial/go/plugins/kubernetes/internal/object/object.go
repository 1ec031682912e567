// Package object serves the resources that are Kubernetes objects of any kind.
package object

import (
	"context"
	"fmt"
	"strings"

	"astro-dbt.local/plugins/common/engine"
	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/cluster"
	"astro-dbt.local/plugins/kubernetes/internal/diff"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"
	"astro-dbt.local/plugins/kubernetes/internal/secrecy"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unreachableAdvice is what the official plugin recommends for state whose cluster is gone.
const unreachableAdvice = "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the " +
	"operation with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to \"true\""

// Service answers the engine's calls about objects. Context ends when the engine cancels.
type Service struct {
	Context context.Context
	Cluster *cluster.Cluster
	Log     *engine.Log
}

// Check completes the inputs: apiVersion and kind are given by the SDK, a name and a namespace are filled in.
func (s *Service) Check(ctx context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	urn := resource.URN(request.GetUrn())
	if s.Cluster.Unreachable != nil && s.Cluster.Settings.SkipUpdateUnreachable {
		s.Log.Warning(ctx, request.GetUrn(),
			"Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping...")
		return &pulumirpc.CheckResponse{Inputs: request.GetOlds()}, nil
	}
	if _, err := manifest.KindOf(urn); err != nil {
		return nil, err
	}
	if name := string(urn.Type().Name()); strings.HasSuffix(name, "Patch") || strings.HasSuffix(name, "List") {
		return nil, fmt.Errorf("%s is not served by the trial's stand-in of the kubernetes plugin: "+
			"declare the object itself, or use the official plugin", urn.Type())
	}
	former, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("check failed because malformed resource inputs: %w", err)
	}
	wanted := manifest.Normalize(manifest.FromProperties(given))
	if len(former) > 0 {
		manifest.AdoptName(wanted, manifest.FromProperties(former))
	} else if err := manifest.Autoname(wanted, request); err != nil {
		return nil, err
	}
	if manifest.HasGenerateName(wanted) && s.Cluster.Settings.ServerSideApply {
		return nil, fmt.Errorf("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
	}
	if s.Cluster.DefaultNamespace != "" && s.Cluster.IsNamespaced(wanted) && !hasNamespace(wanted) {
		wanted.SetNamespace(s.Cluster.DefaultNamespace)
	}
	checked := manifest.ToProperties(wanted)
	secrecy.Mark(checked, given)
	inputs, err := props.Write(checked)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CheckResponse{Inputs: inputs}, nil
}

func hasNamespace(object *unstructured.Unstructured) bool {
	namespace, has, _ := unstructured.NestedFieldNoCopy(object.Object, "metadata", "namespace")
	return has && namespace != nil && namespace != ""
}

// Diff compares the new inputs with the live object as last seen, as far as the former inputs had a say in it.
func (s *Service) Diff(request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	state, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("diff failed because malformed resource inputs: %w", err)
	}
	formerInputs, live := manifest.ParseCheckpoint(state)
	wanted := manifest.Normalize(manifest.FromProperties(given))
	present := s.comparable(live, manifest.Normalize(formerInputs), wanted)

	changes := diff.Compute(wanted.Object, present.Object, present.Object, manifest.Immovable(wanted, manifest.Mutability{
		Secrets: s.Cluster.Settings.SecretMutable, ConfigMaps: s.Cluster.Settings.ConfigMapMutable,
	}))
	if err := dropIgnored(changes, request.GetIgnoreChanges()); err != nil {
		return nil, err
	}
	replaces := changes.Replaces()
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, DetailedDiff: changes, HasDetailedDiff: true, Replaces: replaces,
		DeleteBeforeReplace: len(replaces) > 0 && manifest.IsNamed(wanted) && !manifest.IsAutonamed(wanted) &&
			wanted.GetName() == live.GetName() && wanted.GetNamespace() == present.GetNamespace(),
	}
	if len(changes) > 0 {
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	return response, nil
}

// comparable cuts the live object to what the former inputs had, and gives both sides a namespace in the same spelling.
func (s *Service) comparable(live, formerInputs, wanted *unstructured.Unstructured) *unstructured.Unstructured {
	present := &unstructured.Unstructured{Object: manifest.Prune(live.Object, formerInputs.Object)}
	for _, object := range []*unstructured.Unstructured{present, wanted} {
		switch {
		case !s.Cluster.IsNamespaced(wanted):
			object.SetNamespace("")
		case !hasNamespace(object):
			object.SetNamespace("default")
		}
	}
	if wanted.GetName() != "" {
		present.SetName(live.GetName())
	}
	if present.GroupVersionKind().Empty() {
		present.SetGroupVersionKind(wanted.GroupVersionKind())
	}
	return present
}

func dropIgnored(changes diff.Diff, ignored []string) error {
	for _, text := range ignored {
		ignore, err := resource.ParsePropertyPath(text)
		if err != nil {
			return fmt.Errorf("failed to parse ignore path: %w", err)
		}
		for path := range changes {
			parsed, err := resource.ParsePropertyPath(path)
			if err != nil {
				return fmt.Errorf("failed to parse diff path: %w", err)
			}
			if ignore.Contains(parsed) {
				delete(changes, path)
			}
		}
	}
	return nil
}
