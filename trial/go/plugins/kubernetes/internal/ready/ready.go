// Package ready waits until a Kubernetes object does its work, or is gone.
package ready

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"astro-dbt.local/plugins/kubernetes/internal/cluster"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"

	"helm.sh/helm/v3/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes/scheme"
)

const (
	// defaultTimeout is how long the official plugin waits unless told otherwise.
	defaultTimeout = 10 * time.Minute
	interval       = 250 * time.Millisecond
)

// Timeout is how long to wait for an object: the resource option (seconds, 0 when not given), else its annotation,
// else ten minutes.
func Timeout(optionSeconds float64, object *unstructured.Unstructured) time.Duration {
	if optionSeconds > 0 {
		return time.Duration(optionSeconds * float64(time.Second))
	}
	if seconds, err := strconv.Atoi(object.GetAnnotations()[manifest.TimeoutAnnotation]); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return defaultTimeout
}

// Wait returns the live object when it is ready; with an error, the object as it was last seen. Kinds that need no
// waiting are ready at once. status is called with what is missing whenever that changes.
func Wait(ctx context.Context, target *cluster.Cluster, object *unstructured.Unstructured, timeout time.Duration,
	status func(string),
) (*unstructured.Unstructured, error) {
	if manifest.IsTrue(object, manifest.SkipAwaitAnnotation) || !hasReadiness(object) {
		return object, nil
	}
	client, err := target.For(object)
	if err != nil {
		return object, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last, reported := object, ""
	defer func() {
		if reported != "" {
			status("")
		}
	}()
	for {
		if live, err := client.Get(ctx, object.GetName(), metav1.GetOptions{}); err == nil {
			last = live
			missing, err := whatIsMissing(ctx, target, live)
			switch {
			case err != nil && ctx.Err() == nil:
				return last, err
			case err == nil && missing == "":
				return last, nil
			case missing != reported && missing != "":
				reported = missing
				status(missing)
			}
		}
		select {
		case <-ctx.Done():
			return last, ended(ctx, fmt.Sprintf("%s %q is not ready: %s", object.GetKind(), object.GetName(), reported))
		case <-time.After(interval):
		}
	}
}

// ended names the reason why waiting stopped.
func ended(ctx context.Context, what string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%s within the allotted time; raise the customTimeouts option or look at its events", what)
	}
	return fmt.Errorf("%s; waiting was cancelled", what)
}

func hasReadiness(object *unstructured.Unstructured) bool {
	switch object.GetKind() {
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod", "Job",
		"PersistentVolumeClaim", "Service", "CustomResourceDefinition":
		return true
	}
	return false
}

func whatIsMissing(ctx context.Context, target *cluster.Cluster, object *unstructured.Unstructured) (string, error) {
	switch object.GroupVersionKind().GroupKind().String() {
	case "Deployment.apps":
		return missingFromDeployment(object)
	case "PersistentVolumeClaim":
		return missingFromClaim(ctx, target, object)
	}
	typed, err := scheme.Scheme.New(object.GroupVersionKind())
	if err != nil {
		return "", nil
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, typed); err != nil {
		return "", err
	}
	checker := kube.NewReadyChecker(target.Typed, func(string, ...any) {}, kube.PausedAsReady(true), kube.CheckJobs(true))
	done, err := checker.IsReady(ctx, &resource.Info{
		Object: typed, Name: object.GetName(), Namespace: object.GetNamespace(),
	})
	if err != nil {
		return "", err
	}
	if !done {
		return "not all of its parts are ready", nil
	}
	return "", nil
}

func missingFromDeployment(object *unstructured.Unstructured) (string, error) {
	var deployment appsv1.Deployment
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &deployment); err != nil {
		return "", err
	}
	if deployment.Spec.Paused {
		return "", nil
	}
	if deployment.Status.ObservedGeneration < deployment.Generation {
		return "its newest specification is not taken up yet", nil
	}
	for _, condition := range deployment.Status.Conditions {
		if condition.Type == appsv1.DeploymentProgressing && condition.Reason == "ProgressDeadlineExceeded" {
			return "", fmt.Errorf("Deployment %q makes no progress: %s", deployment.Name, condition.Message)
		}
	}
	wanted := int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	if deployment.Status.UpdatedReplicas < wanted || deployment.Status.AvailableReplicas < wanted ||
		deployment.Status.Replicas > deployment.Status.UpdatedReplicas {
		return fmt.Sprintf("%d of %d Pods are updated and %d available",
			deployment.Status.UpdatedReplicas, wanted, deployment.Status.AvailableReplicas), nil
	}
	return "", nil
}

func missingFromClaim(ctx context.Context, target *cluster.Cluster, object *unstructured.Unstructured) (string, error) {
	var claim corev1.PersistentVolumeClaim
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &claim); err != nil {
		return "", err
	}
	if claim.Status.Phase == corev1.ClaimBound {
		return "", nil
	}
	if name := claim.Spec.StorageClassName; name != nil && *name != "" {
		class, err := target.Typed.StorageV1().StorageClasses().Get(ctx, *name, metav1.GetOptions{})
		if err == nil && class.VolumeBindingMode != nil &&
			*class.VolumeBindingMode == storagev1.VolumeBindingWaitForFirstConsumer {
			return "", nil
		}
	}
	return "no volume is bound to it", nil
}

// Gone waits until the object with this identity is deleted.
func Gone(ctx context.Context, target *cluster.Cluster, object *unstructured.Unstructured, timeout time.Duration,
	status func(string),
) error {
	client, err := target.For(object)
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var identity types.UID
	for round := 0; ; round++ {
		live, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err == nil && identity == "":
			identity = live.GetUID()
		case err == nil && identity != live.GetUID():
			return nil
		}
		if round == 8 {
			status("waiting for deletion")
		}
		select {
		case <-ctx.Done():
			return ended(ctx, fmt.Sprintf("%s %q is not deleted", object.GetKind(), object.GetName()))
		case <-time.After(interval):
		}
	}
}
