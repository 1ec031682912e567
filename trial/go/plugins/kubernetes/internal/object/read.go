package object

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"
	"astro-dbt.local/plugins/kubernetes/internal/ready"
	"astro-dbt.local/plugins/kubernetes/internal/secrecy"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// ReadUnreachable answers a read whose cluster can't be reached: with the state's removal or the state as it was, where
// the provider is told so, else with an error.
func (s *Service) ReadUnreachable(ctx context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	s.Log.Warning(ctx, request.GetUrn(), fmt.Sprintf("configured Kubernetes cluster is unreachable: %v", s.Cluster.Unreachable))
	switch {
	case s.Cluster.Settings.DeleteUnreachable:
		s.Log.Info(ctx, request.GetUrn(), "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is "+
			"enabled. Deleting the unreachable resource from Pulumi state")
		return &pulumirpc.ReadResponse{}, nil
	case s.Cluster.Settings.SkipUpdateUnreachable:
		return &pulumirpc.ReadResponse{Id: request.GetId(), Properties: request.GetProperties(), Inputs: request.GetInputs()}, nil
	}
	return nil, errors.New("failed to read resource state due to unreachable cluster. " + unreachableAdvice)
}

// Read gives the object as it is now: for refresh, import and `.get`.
func (s *Service) Read(_ context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	state, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetInputs())
	if err != nil {
		return nil, err
	}
	namespace, name := manifest.ParseID(request.GetId())
	if name == "" {
		return nil, fmt.Errorf("failed to read resource because of a failure to parse resource name from request ID: %s",
			request.GetId())
	}
	inputs := manifest.Normalize(manifest.FromProperties(given))
	_, former := manifest.ParseCheckpoint(state)
	first := false
	if inputs.GroupVersionKind().Empty() {
		kind := former.GroupVersionKind()
		if first = kind.Empty(); first {
			if kind, err = manifest.KindOf(resource.URN(request.GetUrn())); err != nil {
				return nil, err
			}
		}
		inputs.SetGroupVersionKind(kind)
		if inputs.GetName() == "" {
			inputs.SetName(name)
		}
		if inputs.GetNamespace() == "" {
			inputs.SetNamespace(namespace)
		}
	}
	client, err := s.Cluster.For(inputs)
	if meta.IsNoMatchError(err) {
		return &pulumirpc.ReadResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	live, err := client.Get(s.Context, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return &pulumirpc.ReadResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	manager, err := fieldManager(state, inputs)
	if err != nil {
		return nil, err
	}
	apiVersion := manifest.Text(state, manifest.InitialAPIVersionKey)
	if apiVersion == "" {
		apiVersion = inputs.GetAPIVersion()
	}
	liveInputs := &unstructured.Unstructured{Object: manifest.Prune(live.Object, inputs.Object)}
	if first {
		liveInputs = importable(live)
	}
	liveInputProperties := manifest.ToProperties(liveInputs)
	secrecy.Mark(liveInputProperties, given)
	response := &pulumirpc.ReadResponse{Id: request.GetId()}
	if response.Inputs, err = props.Write(liveInputProperties); err != nil {
		return nil, err
	}
	if response.Properties, err = props.Write(manifest.Checkpoint(liveInputs, live, given, apiVersion, manager)); err != nil {
		return nil, err
	}
	return response, nil
}

// importable is what of a live object a program would write.
func importable(live *unstructured.Unstructured) *unstructured.Unstructured {
	inputs := manifest.Copy(live)
	delete(inputs.Object, "status")
	for _, key := range []string{"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"} {
		unstructured.RemoveNestedField(inputs.Object, "metadata", key)
	}
	annotations := inputs.GetAnnotations()
	for key := range annotations {
		if strings.HasPrefix(key, "kubectl.kubernetes.io/last-applied") || key == "deployment.kubernetes.io/revision" {
			delete(annotations, key)
		}
	}
	if len(annotations) > 0 {
		inputs.SetAnnotations(annotations)
	} else {
		unstructured.RemoveNestedField(inputs.Object, "metadata", "annotations")
	}
	return inputs
}

// Delete deletes the object and waits until it is gone.
func (s *Service) Delete(ctx context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	if s.Cluster.Unreachable != nil {
		s.Log.Warning(ctx, request.GetUrn(), fmt.Sprintf("configured Kubernetes cluster is unreachable: %v", s.Cluster.Unreachable))
		if s.Cluster.Settings.DeleteUnreachable {
			return &emptypb.Empty{}, nil
		}
		return nil, errors.New("configured Kubernetes cluster is unreachable. " + unreachableAdvice)
	}
	state, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	inputs, live := manifest.ParseCheckpoint(state)
	_, name := manifest.ParseID(request.GetId())
	live.SetName(name)
	client, err := s.Cluster.For(live)
	if meta.IsNoMatchError(err) {
		return &emptypb.Empty{}, nil
	} else if err != nil {
		return nil, err
	}
	propagation := metav1.DeletePropagationForeground
	switch strings.ToLower(inputs.GetAnnotations()[manifest.DeletionPropagationAnnotation]) {
	case "orphan":
		propagation = metav1.DeletePropagationOrphan
	case "background":
		propagation = metav1.DeletePropagationBackground
	}
	err = client.Delete(s.Context, name, metav1.DeleteOptions{PropagationPolicy: &propagation})
	if apierrors.IsNotFound(err) {
		return &emptypb.Empty{}, nil
	} else if err != nil {
		return nil, err
	}
	if manifest.IsTrue(inputs, manifest.SkipAwaitAnnotation) {
		return &emptypb.Empty{}, nil
	}
	err = ready.Gone(s.Context, s.Cluster, live, ready.Timeout(request.GetTimeout(), inputs), s.status(ctx, request.GetUrn()))
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}
