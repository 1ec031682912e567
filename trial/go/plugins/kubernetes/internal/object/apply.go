package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"
	"astro-dbt.local/plugins/kubernetes/internal/ready"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/csaupgrade"
)

const (
	// createManager owns the fields of an object from its creation to its first update, which is done with
	// server-side apply under a name of its own.
	createManager = "pulumi-kubernetes"
	createRetries = 5
)

// Create makes the object and waits until it is ready; in a preview the API server is asked what it would become.
func (s *Service) Create(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	urn, preview := request.GetUrn(), request.GetPreview()
	if !preview && s.Cluster.Unreachable != nil {
		return nil, fmt.Errorf("configured Kubernetes cluster is unreachable: %w", s.Cluster.Unreachable)
	}
	given, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, fmt.Errorf("create failed because malformed resource inputs: %w", err)
	}
	inputs := manifest.FromProperties(given)
	asGiven := &pulumirpc.CreateResponse{Properties: request.GetProperties()}
	if preview && (manifest.HasUnknown(inputs.Object) || !s.Cluster.Knows(inputs) || !s.Cluster.Settings.ServerSideApply) {
		return asGiven, nil
	}
	manager, err := fieldManager(given, inputs)
	if err != nil {
		return nil, err
	}
	live, err := s.create(ctx, urn, inputs, manager, preview)
	if err != nil {
		if preview && (apierrors.IsForbidden(err) || apierrors.IsAlreadyExists(err) || isMissingNamespace(err)) {
			return asGiven, nil
		}
		return nil, s.explainCreate(urn, err)
	}
	if preview {
		unstructured.RemoveNestedField(live.Object, "status")
	}
	var notReady error
	if !preview {
		live, notReady = ready.Wait(s.Context, s.Cluster, live, ready.Timeout(request.GetTimeout(), inputs), s.status(ctx, urn))
	}
	state := manifest.Checkpoint(inputs, live, given, inputs.GetAPIVersion(), manager)
	id := manifest.ID(live.GetNamespace(), live.GetName())
	if notReady != nil {
		return nil, props.InitFailed(id, fmt.Errorf("resource %q was successfully created, but the Kubernetes API server "+
			"reported that it failed to fully initialize or become live: %w", urn, notReady), state, nil)
	}
	if live.GetKind() == "CustomResourceDefinition" {
		s.Cluster.Forget()
	}
	if preview {
		id = ""
	}
	properties, err := props.Write(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: properties}, nil
}

// create asks the API server, again for a while when the kind or the namespace is not there yet.
func (s *Service) create(ctx context.Context, urn string, inputs *unstructured.Unstructured, manager string, preview bool,
) (*unstructured.Unstructured, error) {
	for try, pause := 1, time.Second; ; try, pause = try+1, pause*2 {
		client, err := s.Cluster.For(inputs)
		if err == nil {
			var live *unstructured.Unstructured
			if s.Cluster.Settings.Upsert && s.Cluster.Settings.ServerSideApply {
				live, err = s.applyTo(client, inputs, nil, manager, preview)
			} else {
				live, err = client.Create(s.Context, inputs, metav1.CreateOptions{
					FieldManager: createManager, DryRun: dryRun(preview),
				})
			}
			if err == nil {
				return live, nil
			}
		}
		retry := apierrors.IsNotFound(err) || meta.IsNoMatchError(err)
		if preview || !retry || try > createRetries {
			return nil, err
		}
		if meta.IsNoMatchError(err) {
			s.Cluster.Forget()
		}
		s.Log.Status(ctx, urn, fmt.Sprintf("Retry #%d; creation failed: %v", try, err))
		select {
		case <-s.Context.Done():
			return nil, s.Context.Err()
		case <-time.After(pause):
		}
	}
}

func (s *Service) explainCreate(urn string, err error) error {
	switch {
	case meta.IsNoMatchError(err):
		return fmt.Errorf("creation of resource %q failed because the Kubernetes API server reported that the apiVersion "+
			"for this resource does not exist. Verify that any required CRDs have been created: %w", urn, err)
	case apierrors.IsAlreadyExists(err):
		return fmt.Errorf("resource %q was not successfully created by the Kubernetes API server: %w; the resource already "+
			"exists in the cluster: adopt it with `pulumi import`, or delete it first", urn, err)
	}
	return fmt.Errorf("resource %q was not successfully created by the Kubernetes API server: %w", urn, err)
}

func isMissingNamespace(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	return status.Status().Details.Kind == "namespaces"
}

// Update applies the new inputs to the live object, server-side.
func (s *Service) Update(ctx context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	urn, preview := request.GetUrn(), request.GetPreview()
	if !preview && s.Cluster.Unreachable != nil {
		return nil, fmt.Errorf("configured Kubernetes cluster is unreachable: %w", s.Cluster.Unreachable)
	}
	state, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("update failed because malformed resource inputs: %w", err)
	}
	inputs := manifest.Normalize(manifest.FromProperties(given))
	asGiven := &pulumirpc.UpdateResponse{Properties: request.GetNews()}
	if preview && (manifest.HasUnknown(inputs.Object) || !s.Cluster.Knows(inputs)) {
		return asGiven, nil
	}
	formerInputs, former := manifest.ParseCheckpoint(state)
	manager, err := fieldManager(state, inputs)
	if err != nil {
		return nil, err
	}
	live, err := s.update(inputs, former, formerInputs, manager, preview, request.GetIgnoreChanges())
	if err == nil && !preview {
		live, err = ready.Wait(s.Context, s.Cluster, live, ready.Timeout(request.GetTimeout(), inputs), s.status(ctx, urn))
	}
	if err != nil {
		if preview && apierrors.IsForbidden(err) {
			return asGiven, nil
		}
		if live, err = s.afterFailedUpdate(urn, former, err); live == nil {
			return nil, err
		}
	}
	apiVersion := manifest.Text(state, manifest.InitialAPIVersionKey)
	if apiVersion == "" {
		apiVersion = formerInputs.GetAPIVersion()
	}
	checkpoint := manifest.Checkpoint(inputs, live, given, apiVersion, manager)
	if err != nil {
		return nil, props.InitFailed(manifest.ID(live.GetNamespace(), live.GetName()), err, checkpoint, nil)
	}
	properties, err := props.Write(checkpoint)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: properties}, nil
}

// afterFailedUpdate reads what the object is now, so that the state can keep it with the failure. Without an object the
// failure is all there is.
func (s *Service) afterFailedUpdate(urn string, former *unstructured.Unstructured, failure error,
) (*unstructured.Unstructured, error) {
	client, err := s.Cluster.For(former)
	if err != nil {
		return nil, fmt.Errorf("update of resource %q failed: %w", urn, failure)
	}
	live, err := client.Get(s.Context, former.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("update of resource %q failed: %w", urn, failure),
			fmt.Errorf("unable to get cluster state: %w", err))
	}
	return live, fmt.Errorf("the Kubernetes API server reported that %q failed to fully initialize or become live: %w",
		manifest.ID(live.GetNamespace(), live.GetName()), failure)
}

func (s *Service) update(inputs, former, formerInputs *unstructured.Unstructured, manager string, preview bool, ignored []string,
) (*unstructured.Unstructured, error) {
	client, err := s.Cluster.For(inputs)
	if err != nil {
		return nil, err
	}
	live, err := client.Get(s.Context, former.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	if !s.Cluster.Settings.ServerSideApply {
		return s.mergeInto(client, inputs, formerInputs, live, preview)
	}
	if !preview {
		// The fields set at creation go to the manager that applies from now on; else nobody could remove them.
		patch, err := csaupgrade.UpgradeManagedFieldsPatch(live, sets.New(createManager), manager)
		if err != nil {
			return nil, err
		}
		if len(patch) > 0 {
			if live, err = client.Patch(s.Context, live.GetName(), types.JSONPatchType, patch, metav1.PatchOptions{}); err != nil {
				return nil, err
			}
		}
	}
	wanted := manifest.Copy(inputs)
	for _, path := range ignored {
		keepLive(wanted, live, path)
	}
	return s.applyTo(client, wanted, live, manager, preview)
}

// applyTo is one server-side apply. Conflicts are forced in previews of objects whose fields still belong to their
// creation, when asked for, and on objects from before field management.
func (s *Service) applyTo(client dynamic.ResourceInterface, inputs, live *unstructured.Unstructured, manager string, preview bool,
) (*unstructured.Unstructured, error) {
	content, err := json.Marshal(inputs.Object)
	if err != nil {
		return nil, err
	}
	force := s.Cluster.Settings.PatchForce || manifest.IsTrue(inputs, manifest.PatchForceAnnotation) ||
		(live != nil && len(live.GetManagedFields()) == 0) || (preview && (live == nil || createdByUs(live)))
	applied, err := client.Patch(s.Context, inputs.GetName(), types.ApplyPatchType, content, metav1.PatchOptions{
		FieldManager: manager, Force: &force, DryRun: dryRun(preview),
	})
	if apierrors.IsConflict(err) {
		return nil, fmt.Errorf("server-side apply field conflict detected: "+
			"The resource managed by field manager %q had an apply conflict: %w", manager, err)
	}
	return applied, err
}

// mergeInto is the update without server-side apply: a merge patch from the former inputs to the new ones.
func (s *Service) mergeInto(client dynamic.ResourceInterface, inputs, former, live *unstructured.Unstructured, preview bool,
) (*unstructured.Unstructured, error) {
	patch, err := json.Marshal(mergePatch(former.Object, inputs.Object))
	if err != nil {
		return nil, err
	}
	return client.Patch(s.Context, live.GetName(), types.MergePatchType, patch, metav1.PatchOptions{
		FieldManager: createManager, DryRun: dryRun(preview),
	})
}

// mergePatch is an RFC 7386 patch that sets everything wanted and removes what only former had.
func mergePatch(former, wanted map[string]any) map[string]any {
	patch := make(map[string]any, len(wanted))
	for key := range former {
		if _, kept := wanted[key]; !kept {
			patch[key] = nil
		}
	}
	for key, value := range wanted {
		inner, isMap := value.(map[string]any)
		if formerInner, both := former[key].(map[string]any); isMap && both {
			patch[key] = mergePatch(formerInner, inner)
			continue
		}
		patch[key] = value
	}
	return patch
}

// keepLive gives an ignored path the value that the live object has there.
func keepLive(wanted, live *unstructured.Unstructured, path string) {
	parsed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return
	}
	fields := make([]string, 0, len(parsed))
	for _, part := range parsed {
		name, isKey := part.(string)
		if !isKey {
			return
		}
		fields = append(fields, name)
	}
	value, has, err := unstructured.NestedFieldCopy(live.Object, fields...)
	if err != nil || !has {
		unstructured.RemoveNestedField(wanted.Object, fields...)
		return
	}
	_ = unstructured.SetNestedField(wanted.Object, value, fields...)
}

func createdByUs(live *unstructured.Unstructured) bool {
	for _, entry := range live.GetManagedFields() {
		if entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Manager == createManager {
			return true
		}
	}
	return false
}

// fieldManager names who applies: as annotated, as the state says, or a new random name.
func fieldManager(state resource.PropertyMap, inputs *unstructured.Unstructured) (string, error) {
	if name := inputs.GetAnnotations()[manifest.FieldManagerAnnotation]; name != "" {
		return name, nil
	}
	if name := manifest.Text(state, manifest.FieldManagerKey); name != "" {
		return name, nil
	}
	return resource.NewUniqueName(nil, createManager+"-", 0, 0, nil)
}

func dryRun(preview bool) []string {
	if preview {
		return []string{metav1.DryRunAll}
	}
	return nil
}

func (s *Service) status(ctx context.Context, urn string) func(string) {
	return func(message string) { s.Log.Status(ctx, urn, strings.TrimSpace(message)) }
}
