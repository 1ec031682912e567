// Package server is the kubernetes resource plugin: it reads the provider's arguments and hands each call to the part
// that serves the resource's type.
package server

import (
	"context"
	"fmt"
	"os"

	"astro-dbt.local/plugins/common/engine"
	"astro-dbt.local/plugins/common/props"
	"astro-dbt.local/plugins/common/trial"
	"astro-dbt.local/plugins/kubernetes/internal/cluster"
	"astro-dbt.local/plugins/kubernetes/internal/config"
	"astro-dbt.local/plugins/kubernetes/internal/object"
	"astro-dbt.local/plugins/kubernetes/internal/release"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// Name of the plugin.
	Name = "kubernetes"
	// Version is that of the official plugin whose place it takes.
	Version = "4.29.0"
)

// resources is what answers calls about one sort of resource.
type resources interface {
	Check(context.Context, *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error)
	Diff(*pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error)
	Create(context.Context, *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error)
	Read(context.Context, *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error)
	Update(context.Context, *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error)
	Delete(context.Context, *pulumirpc.DeleteRequest) (*emptypb.Empty, error)
}

// Server implements the plugin's protocol.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	log     engine.Log
	context context.Context
	cancel  context.CancelFunc

	cluster  *cluster.Cluster
	objects  *object.Service
	releases *release.Service
}

// New makes a server that knows no cluster yet.
func New() *Server {
	server := &Server{}
	server.context, server.cancel = context.WithCancel(context.Background())
	return server
}

// Connect gives the address of the engine.
func (s *Server) Connect(engineAddress string) error { return s.log.Connect(engineAddress) }

// Abort ends running operations.
func (s *Server) Abort() { s.cancel() }

// Handshake takes the engine's address.
func (s *Server) Handshake(_ context.Context, request *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	if err := s.Connect(request.GetEngineAddress()); err != nil {
		return nil, err
	}
	return &pulumirpc.ProviderHandshakeResponse{
		AcceptSecrets: true, AcceptResources: false, AcceptOutputs: false, SupportsAutonamingConfiguration: true,
	}, nil
}

// Attach takes the address of an engine that did not start this process.
func (s *Server) Attach(_ context.Context, request *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, s.Connect(request.GetAddress())
}

// GetPluginInfo tells the version.
func (s *Server) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: Version}, nil
}

// GetSchema gives a schema with the package's name alone: the SDK has the types.
func (s *Server) GetSchema(context.Context, *pulumirpc.GetSchemaRequest) (*pulumirpc.GetSchemaResponse, error) {
	return &pulumirpc.GetSchemaResponse{Schema: fmt.Sprintf(`{"name":%q,"version":%q,"resources":{}}`, Name, Version)}, nil
}

// CheckConfig takes the provider's arguments as they are.
func (s *Server) CheckConfig(_ context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if err := trial.Require(Name, os.Getenv); err != nil {
		return nil, err
	}
	return &pulumirpc.CheckResponse{Inputs: request.GetNews()}, nil
}

// DiffConfig tells which arguments changed, and whether they mean another cluster.
func (s *Server) DiffConfig(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	former, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	wanted, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("DiffConfig failed because of malformed resource inputs: %w", err)
	}
	changed, replaces, err := config.Changes(former, wanted)
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE, Diffs: changed, Replaces: replaces}
	if len(changed) > 0 {
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
	}
	return response, nil
}

// Configure connects to the cluster.
func (s *Server) Configure(ctx context.Context, request *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	if err := trial.Require(Name, os.Getenv); err != nil {
		return nil, err
	}
	s.log.InfoOnce(ctx, trial.Announcement(Name, Version))
	settings, err := config.Read(request.GetVariables(), os.Getenv) //nolint:staticcheck // the flat form is what is specified
	if err != nil {
		return nil, err
	}
	if s.cluster, err = cluster.Connect(settings); err != nil {
		return nil, err
	}
	s.objects = &object.Service{Context: s.context, Cluster: s.cluster, Log: &s.log}
	s.releases = &release.Service{Context: s.context, Cluster: s.cluster, Log: &s.log}
	return &pulumirpc.ConfigureResponse{
		AcceptSecrets: true, SupportsPreview: true, SupportsAutonamingConfiguration: true,
	}, nil
}

// serving picks the part for a resource's type.
func (s *Server) serving(urn string) (resources, error) {
	kind := resource.URN(urn).Type()
	switch {
	case s.cluster == nil:
		return nil, status.Error(codes.FailedPrecondition, "the kubernetes plugin is not configured")
	case kind == release.Type:
		return s.releases, nil
	case kind.Module().Name() == "helm.sh/v3" || kind.Module().Name() == "helm.sh/v4":
		return nil, fmt.Errorf("%s is not served by the trial's stand-in of the kubernetes plugin: "+
			"use %s, or the official plugin", kind, release.Type)
	}
	return s.objects, nil
}

// Check completes a resource's inputs.
func (s *Server) Check(ctx context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	return part.Check(ctx, request)
}

// Diff tells what an update would change.
func (s *Server) Diff(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	return part.Diff(request)
}

// Create makes a resource.
func (s *Server) Create(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	return part.Create(ctx, request)
}

// Read gives a resource's present state.
func (s *Server) Read(ctx context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	if s.cluster.Unreachable != nil {
		return s.objects.ReadUnreachable(ctx, request)
	}
	return part.Read(ctx, request)
}

// Update changes a resource in place.
func (s *Server) Update(ctx context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	return part.Update(ctx, request)
}

// Delete removes a resource.
func (s *Server) Delete(ctx context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	part, err := s.serving(request.GetUrn())
	if err != nil {
		return nil, err
	}
	return part.Delete(ctx, request)
}

// Invoke refuses the functions of the SDK, which render charts and manifests on the client.
func (s *Server) Invoke(_ context.Context, request *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, fmt.Errorf("the function %s is not served by the trial's stand-in of the kubernetes plugin: "+
		"use %s for charts, or the official plugin", request.GetTok(), release.Type)
}

// Construct refuses the SDK's components, for the same reason.
func (s *Server) Construct(_ context.Context, request *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	return nil, status.Errorf(codes.Unimplemented, "%s is not served by the trial's stand-in of the kubernetes plugin: "+
		"use %s for charts, or the official plugin", request.GetType(), release.Type)
}

// Parameterize refuses: this plugin serves one package.
func (s *Server) Parameterize(context.Context, *pulumirpc.ParameterizeRequest) (*pulumirpc.ParameterizeResponse, error) {
	return nil, status.Error(codes.Unimplemented, "the kubernetes plugin's stand-in can't be parameterized")
}

// Cancel ends running operations; their calls answer with what became of them.
func (s *Server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	s.Abort()
	return &emptypb.Empty{}, nil
}
