package release

import (
	"context"
	"errors"
	"fmt"

	"astro-dbt.local/plugins/common/engine"
	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/kubernetes/internal/cluster"
	"astro-dbt.local/plugins/kubernetes/internal/diff"
	"astro-dbt.local/plugins/kubernetes/internal/manifest"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/storage/driver"
)

// immovable are the inputs whose change makes another release.
var immovable = diff.NewPatterns("name", "namespace")

// Service answers the engine's calls about releases. Context ends when the engine cancels.
type Service struct {
	Context context.Context
	Cluster *cluster.Cluster
	Log     *engine.Log
}

// Check completes the inputs and pins the chart's version to what the repository has for it.
func (s *Service) Check(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if s.Cluster.Unreachable != nil && s.Cluster.Settings.SkipUpdateUnreachable {
		return &pulumirpc.CheckResponse{Inputs: request.GetOlds()}, nil
	}
	former, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("check failed because malformed resource inputs: %w", err)
	}
	wanted := given.Copy()
	if err := setName(wanted, former, resource.URN(request.GetUrn())); err != nil {
		return nil, err
	}
	setDefaults(wanted, s.Cluster.DefaultNamespace)
	release, err := decode(wanted)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.CheckResponse{}
	if !wanted.ContainsUnknowns() {
		version, err := s.chartVersion(release)
		if err != nil {
			response.Failures = append(response.Failures, &pulumirpc.CheckFailure{
				Property: "chart", Reason: fmt.Sprintf("%v; check the chart name and repository configuration.", err),
			})
		} else {
			release.Version = version
		}
	}
	response.Inputs, err = props.Write(checkedInputs(release, given))
	return response, err
}

func (s *Service) chartVersion(release *Release) (string, error) {
	places, err := newCharts(s.Cluster.Settings.Helm, release.RepositoryOpts)
	if err != nil {
		return "", err
	}
	loaded, _, err := places.load(release)
	if err != nil {
		return "", err
	}
	return loaded.Metadata.Version, nil
}

// Diff compares the new inputs with the state, key by key down into the values.
func (s *Service) Diff(request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	state, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	wanted, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("diff failed because malformed resource inputs: %w", err)
	}
	former := parseCheckpoint(state)
	delete(state, manifest.InputsKey)
	for _, derived := range []resource.PropertyKey{"checksum", "resourceNames"} {
		delete(former, derived)
	}
	for _, ignored := range request.GetIgnoreChanges() {
		if ignored == "version" {
			wanted["version"] = state["version"]
		}
	}
	changes := diff.Compute(props.Plain(wanted, false), props.Plain(state, false), props.Plain(former, false), immovable)
	response := &pulumirpc.DiffResponse{
		Changes: pulumirpc.DiffResponse_DIFF_NONE, Replaces: changes.Replaces(), Diffs: changes.TopLevel(),
		DetailedDiff: changes, HasDetailedDiff: len(changes) > 0,
	}
	if len(changes) > 0 {
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	return response, nil
}

// Create installs the chart.
func (s *Service) Create(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	inputs, release, err := readInputs(request.GetProperties())
	if err != nil {
		return nil, fmt.Errorf("create failed because malformed resource inputs: %w", err)
	}
	id := ""
	var notReady error
	if !request.GetPreview() {
		if s.Cluster.Unreachable != nil {
			return nil, fmt.Errorf("can't create Helm Release with unreachable cluster: %w", s.Cluster.Unreachable)
		}
		id = manifest.ID(release.Namespace, release.Name)
		err := s.install(release)
		var failed *failedError
		if errors.As(err, &failed) {
			s.Log.Warning(ctx, request.GetUrn(), fmt.Sprintf("Helm release %q was created but has a failed status. Use the "+
				"`helm` command to investigate the error, correct it, then retry. Reason: %v", release.Name, failed.cause))
			notReady = fmt.Errorf("Helm release %q was created, but failed to initialize completely. "+
				"Use Helm CLI to investigate: %w", id, failed)
		} else if err != nil {
			return nil, err
		}
	}
	state := checkpoint(release, inputs, request.GetPreview())
	if notReady != nil {
		return nil, props.InitFailed(id, notReady, state, nil)
	}
	properties, err := props.Write(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: properties}, nil
}

// Update upgrades the release. The values replace those of the last revision.
func (s *Service) Update(_ context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	inputs, release, err := readInputs(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("update failed because malformed resource inputs: %w", err)
	}
	var notReady error
	if !request.GetPreview() {
		if s.Cluster.Unreachable != nil {
			return nil, fmt.Errorf("can't update Helm Release with unreachable cluster: %w", s.Cluster.Unreachable)
		}
		err := s.upgrade(release)
		var failed *failedError
		if errors.As(err, &failed) {
			notReady = fmt.Errorf("Helm release %q failed to initialize completely. Use Helm CLI to investigate: %w",
				manifest.ID(release.Namespace, release.Name), failed)
		} else if err != nil {
			return nil, err
		}
	}
	state := checkpoint(release, inputs, request.GetPreview())
	if notReady != nil {
		return nil, props.InitFailed(manifest.ID(release.Namespace, release.Name), notReady, state, nil)
	}
	properties, err := props.Write(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: properties}, nil
}

// Read gives the release as Helm has it: for refresh, import and `.get`.
func (s *Service) Read(_ context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	state, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	release, err := decode(state)
	if err != nil {
		return nil, err
	}
	namespace, name := release.Namespace, release.Name
	if name == "" {
		namespace, name = manifest.ParseID(request.GetId())
	}
	configuration, _, err := s.helm(namespace, release.RepositoryOpts)
	if err != nil {
		return nil, err
	}
	kept, err := action.NewGet(configuration).Run(name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return &pulumirpc.ReadResponse{}, nil
	} else if err != nil {
		return nil, err
	}
	if err := release.take(kept); err != nil {
		return nil, err
	}
	inputs := parseCheckpoint(state)
	if inputs == nil {
		inputs = checkedInputs(release, nil)
		setDefaults(inputs, s.Cluster.DefaultNamespace)
	}
	response := &pulumirpc.ReadResponse{Id: request.GetId()}
	if response.Inputs, err = props.Write(inputs); err != nil {
		return nil, err
	}
	response.Properties, err = props.Write(checkpoint(release, inputs, false))
	return response, err
}

// Delete uninstalls the release.
func (s *Service) Delete(ctx context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	if s.Cluster.Unreachable != nil {
		return nil, fmt.Errorf("can't delete Helm Release with unreachable cluster. Reason: %q", s.Cluster.Unreachable.Error())
	}
	state, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	release, err := decode(state)
	if err != nil {
		return nil, err
	}
	information, err := s.uninstall(release)
	if err != nil {
		return nil, err
	}
	if information != "" {
		s.Log.Warning(ctx, request.GetUrn(), fmt.Sprintf("Helm uninstall returned information: %q", information))
	}
	return &emptypb.Empty{}, nil
}
