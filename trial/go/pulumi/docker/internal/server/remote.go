package server

import (
	"context"
	"fmt"

	"astro-dbt.local/pulumi/docker/internal/props"
	"astro-dbt.local/pulumi/docker/internal/trial"
	"astro-dbt.local/pulumi/docker/internal/daemon"
	"astro-dbt.local/pulumi/docker/internal/image"
	"astro-dbt.local/pulumi/docker/internal/remote"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

func isRemote(urn string) bool { return resource.URN(urn).Type() == remote.Type }

// diffRemote compares a pulled image; whatever names another image or another moment pulls it as another resource.
func diffRemote(request *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	former, err := props.Read(request.GetOldInputs())
	if err != nil {
		return nil, err
	}
	wanted, err := props.Read(request.GetNews())
	if err != nil {
		return nil, err
	}
	changed, replaced := remote.Diff(former, wanted)
	response := &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}
	if len(changed) > 0 {
		response.Changes, response.Diffs, response.Replaces = pulumirpc.DiffResponse_DIFF_SOME, changed, replaced
	}
	return response, nil
}

// pull fetches the image; a preview leaves the engine alone.
func (s *Server) pull(ctx context.Context, urn string, inputs resource.PropertyMap) (string, resource.PropertyMap, error) {
	wanted := remote.Read(inputs)
	server, err := daemon.ServerOfReference(wanted.Name)
	if err != nil {
		return "", nil, err
	}
	if err := trial.RequireLoopbackHost(Name, "the registry", server); err != nil {
		return "", nil, err
	}
	job, err := s.job(ctx, urn, s.auths, image.Image{})
	if err != nil {
		return "", nil, err
	}
	defer job.Docker.Close() //nolint:errcheck // nothing is left to lose
	pulled, err := job.Pull(s.context, wanted.Name, wanted.Platform)
	if err != nil {
		return "", nil, fmt.Errorf("pulling %s: %w", wanted.Name, err)
	}
	outputs := inputs.Copy()
	outputs["imageId"] = resource.NewStringProperty(pulled.ID)
	outputs["repoDigest"] = resource.NewStringProperty(pulled.RepoDigest)
	return pulled.ID + wanted.Name, outputs, nil
}

func (s *Server) createRemote(ctx context.Context, request *pulumirpc.CreateRequest) (*pulumirpc.CreateResponse, error) {
	if request.GetPreview() {
		return &pulumirpc.CreateResponse{Properties: request.GetProperties()}, nil
	}
	inputs, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	id, outputs, err := s.pull(ctx, request.GetUrn(), inputs)
	if err != nil {
		return nil, err
	}
	properties, err := props.Write(outputs)
	if err != nil {
		return nil, err
	}
	return &pulumirpc.CreateResponse{Id: id, Properties: properties}, nil
}

func (s *Server) deleteRemote(ctx context.Context, request *pulumirpc.DeleteRequest) (*emptypb.Empty, error) {
	state, err := props.Read(request.GetProperties())
	if err != nil {
		return nil, err
	}
	if remote.Read(state).KeepLocally {
		return &emptypb.Empty{}, nil
	}
	job, err := s.job(ctx, request.GetUrn(), s.auths, image.Image{})
	if err != nil {
		return nil, err
	}
	defer job.Docker.Close() //nolint:errcheck // nothing is left to lose
	id, _ := props.Plain(state, true)["imageId"].(string)
	return &emptypb.Empty{}, job.Remove(s.context, id)
}
