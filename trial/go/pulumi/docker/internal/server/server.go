// Package server is the docker resource plugin: it serves images that are built or pulled, and nothing else of Docker.
package server

import (
	"context"
	"fmt"
	"os"
	"slices"

	"astro-dbt.local/pulumi/docker/internal/daemon"
	"astro-dbt.local/pulumi/docker/internal/engine"
	"astro-dbt.local/pulumi/docker/internal/image"
	"astro-dbt.local/pulumi/docker/internal/props"
	"astro-dbt.local/pulumi/docker/internal/trial"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// Name of the plugin.
	Name = "docker"
	// Version is that of the official plugin whose place it takes.
	Version = "5.1.0"

	variables = "docker:config:"
)

// Server implements the plugin's protocol.
type Server struct {
	pulumirpc.UnimplementedResourceProviderServer

	log     engine.Log
	context context.Context
	cancel  context.CancelFunc

	endpoint daemon.Endpoint
}

// New makes a server that is not configured yet.
func New() *Server {
	server := &Server{}
	server.context, server.cancel = context.WithCancel(context.Background())
	return server
}

// Connect gives the address of the engine.
func (s *Server) Connect(engineAddress string) error { return s.log.Connect(engineAddress) }

// Abort ends running builds and pushes.
func (s *Server) Abort() { s.cancel() }

// Handshake takes the engine's address.
func (s *Server) Handshake(_ context.Context, request *pulumirpc.ProviderHandshakeRequest) (*pulumirpc.ProviderHandshakeResponse, error) {
	if err := s.Connect(request.GetEngineAddress()); err != nil {
		return nil, err
	}
	return &pulumirpc.ProviderHandshakeResponse{AcceptSecrets: true}, nil
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

// DiffConfig tells which arguments changed; none of them makes an image another one.
func (s *Server) DiffConfig(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	former, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	wanted, err := props.Read(request.GetNews())
	if err != nil {
		return nil, err
	}
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	if difference := former.Diff(wanted); difference != nil {
		response.Changes = pulumirpc.DiffResponse_DIFF_SOME
		for _, key := range difference.ChangedKeys() {
			response.Diffs = append(response.Diffs, string(key))
		}
		slices.Sort(response.Diffs)
	}
	return response, nil
}

// Configure finds the Docker engine, which must answer even when nothing is to be built, as with the official plugin.
func (s *Server) Configure(ctx context.Context, request *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	if err := trial.Require(Name, os.Getenv); err != nil {
		return nil, err
	}
	s.log.InfoOnce(ctx, trial.Announcement(Name, Version))
	given := request.GetVariables() //nolint:staticcheck // the flat form is what is specified
	or := func(argument, variable string) string {
		if value := given[variables+argument]; value != "" {
			return value
		}
		return os.Getenv(variable)
	}
	for _, argument := range []string{"caMaterial", "certMaterial", "keyMaterial", "registryAuth", "sshOpts"} {
		if given[variables+argument] != "" {
			return nil, fmt.Errorf("%s is not served by the trial's stand-in of the docker plugin: "+
				"write host, and certPath where it needs a certificate, or use the official plugin", argument)
		}
	}
	s.endpoint = daemon.Endpoint{Host: or("host", "DOCKER_HOST"), CertPath: or("certPath", "DOCKER_CERT_PATH")}
	docker, err := s.endpoint.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, SupportsPreview: true}, docker.Close()
}

func requireImage(urn string) error {
	if kind := resource.URN(urn).Type(); kind != image.Type {
		return fmt.Errorf("%s is not served by the trial's stand-in of the docker plugin: use %s, or the official plugin",
			kind, image.Type)
	}
	return nil
}

// Check completes the inputs.
func (s *Server) Check(ctx context.Context, request *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	if err := requireImage(request.GetUrn()); err != nil {
		return nil, err
	}
	given, err := props.Read(request.GetNews())
	if err != nil {
		return nil, err
	}
	completed, err := image.Complete(given, func(text string) { s.log.Info(ctx, request.GetUrn(), text) })
	if err != nil {
		return nil, err
	}
	inputs, err := props.Write(completed)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CheckResponse{Inputs: inputs}, nil
}

// requireLoopback refuses registries elsewhere, as far as they are known already.
func requireLoopback(inputs resource.PropertyMap) error {
	wanted, err := image.Read(inputs)
	if err != nil {
		return err
	}
	if wanted.Name == "" || (wanted.SkipPush && len(wanted.Build.CacheFrom) == 0) {
		return nil
	}
	server, err := daemon.ServerOf(wanted)
	if err != nil {
		return err
	}
	servers := []string{server}
	// The engine pushes to the registry in the name, whatever is declared beside it.
	for _, name := range append([]string{wanted.Name}, wanted.Build.CacheFrom...) {
		if server, err = daemon.ServerOfReference(name); err != nil {
			return err
		}
		servers = append(servers, server)
	}
	for _, server := range servers {
		if err := trial.RequireLoopbackHost(Name, "the registry", server); err != nil {
			return err
		}
	}
	return nil
}

// Diff tells what changed.
func (s *Server) Diff(_ context.Context, request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	state, err := props.Read(request.GetOlds())
	if err != nil {
		return nil, err
	}
	wanted, err := props.Read(request.GetNews())
	if err != nil {
		return nil, err
	}
	found := image.Diff(image.Former(state), wanted)
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	if len(found) > 0 {
		response.Changes, response.DetailedDiff, response.HasDetailedDiff = pulumirpc.DiffResponse_DIFF_SOME, found, true
	}
	return response, nil
}

// Create builds and pushes; in a preview it builds only when asked to, and else leaves the outputs unknown.
func (s *Server) Create(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if err := requireImage(request.GetUrn()); err != nil {
		return nil, err
	}
	inputs, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, fmt.Errorf("malformed resource inputs: %w", err)
	}
	if request.GetPreview() && !s.builds(ctx, request.GetUrn(), inputs) {
		return &pulumirpc.CreateResponse{Properties: request.GetProperties()}, nil
	}
	wanted, state, err := s.build(ctx, request.GetUrn(), inputs, request.GetPreview())
	if err != nil {
		return nil, err
	}
	properties, err := props.Write(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: wanted.Name, Properties: properties}, nil
}

// Update builds and pushes again.
func (s *Server) Update(ctx context.Context, request *pulumirpc.UpdateRequest) (*pulumirpc.UpdateResponse, error) {
	inputs, err := props.Read(request.GetNews())
	if err != nil {
		return nil, fmt.Errorf("malformed resource inputs: %w", err)
	}
	if request.GetPreview() && !s.builds(ctx, request.GetUrn(), inputs) {
		return &pulumirpc.UpdateResponse{Properties: request.GetNews()}, nil
	}
	_, state, err := s.build(ctx, request.GetUrn(), inputs, request.GetPreview())
	if err != nil {
		return nil, err
	}
	properties, err := props.Write(state)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.UpdateResponse{Properties: properties}, nil
}

// builds tells whether a preview builds the image, and says so where it can't.
func (s *Server) builds(ctx context.Context, urn string, inputs resource.PropertyMap) bool {
	can, why := image.CanPreview(inputs)
	if why != "" {
		s.log.Warning(ctx, urn, why)
	}
	return can
}

func (s *Server) build(ctx context.Context, urn string, inputs resource.PropertyMap, preview bool,
) (image.Image, resource.PropertyMap, error) {
	wanted, err := image.Read(inputs)
	if err != nil {
		return wanted, nil, err
	}
	if err := requireLoopback(inputs); err != nil {
		return wanted, nil, err
	}
	job, err := s.job(ctx, urn, wanted)
	if err != nil {
		return wanted, nil, err
	}
	defer job.Docker.Close() //nolint:errcheck // nothing is left to lose
	job.Secrets = secretTexts(resource.NewObjectProperty(inputs), false)
	result, err := job.Run(s.context, wanted, !preview && !wanted.SkipPush)
	if err != nil {
		return wanted, nil, err
	}
	outputs := resource.NewPropertyMapFromMap(map[string]any{
		"baseImageName": wanted.Name, "imageName": wanted.Name, "context": wanted.Build.Context,
		"dockerfile": result.Dockerfile, "platform": wanted.Build.Platform, "registryServer": wanted.Registry.Server,
		"repoDigest": result.RepoDigest,
	})
	return wanted, image.Checkpoint(inputs, outputs), nil
}

// job connects to the engine, with the user's credentials and the image's own.
func (s *Server) job(ctx context.Context, urn string, wanted image.Image) (*daemon.Job, error) {
	credentials, err := daemon.NewCredentials(wanted)
	if err != nil {
		return nil, err
	}
	docker, err := s.endpoint.Connect(s.context)
	if err != nil {
		return nil, err
	}
	return &daemon.Job{
		Docker: docker, Credentials: credentials,
		Status:  func(text string) { s.log.Status(ctx, urn, text) },
		Info:    func(text string) { s.log.Info(ctx, urn, text) },
		Warning: func(text string) { s.log.Warning(ctx, urn, text) },
	}, nil
}

// secretTexts gathers the strings that are secret in the inputs.
func secretTexts(value resource.PropertyValue, secret bool) []string {
	var found []string
	switch {
	case value.IsSecret():
		return secretTexts(value.SecretValue().Element, true)
	case value.IsString() && secret:
		return []string{value.StringValue()}
	case value.IsObject():
		for _, inner := range value.ObjectValue() {
			found = append(found, secretTexts(inner, secret)...)
		}
	case value.IsArray():
		for _, inner := range value.ArrayValue() {
			found = append(found, secretTexts(inner, secret)...)
		}
	}
	return found
}

// Read gives back what is known: an image is not looked for in its registry, as with the official plugin.
func (s *Server) Read(_ context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	return &pulumirpc.ReadResponse{Id: request.GetId(), Inputs: request.GetInputs(), Properties: request.GetProperties()}, nil
}

// Delete leaves a built image where it is, as the official plugin does.
func (s *Server) Delete(context.Context, *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// Invoke refuses the functions of the SDK.
func (s *Server) Invoke(_ context.Context, request *pulumirpc.InvokeRequest) (*pulumirpc.InvokeResponse, error) {
	return nil, fmt.Errorf("the function %s is not served by the trial's stand-in of the docker plugin: use the official plugin",
		request.GetTok())
}

// Construct refuses: there are no components here.
func (s *Server) Construct(context.Context, *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	return nil, status.Error(codes.Unimplemented, "the docker plugin's stand-in has no components")
}

// Parameterize refuses: this plugin serves one package.
func (s *Server) Parameterize(context.Context, *pulumirpc.ParameterizeRequest) (*pulumirpc.ParameterizeResponse, error) {
	return nil, status.Error(codes.Unimplemented, "the docker plugin's stand-in can't be parameterized")
}

// Cancel ends running builds and pushes.
func (s *Server) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	s.Abort()
	return &emptypb.Empty{}, nil
}
