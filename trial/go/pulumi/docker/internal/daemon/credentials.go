package daemon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"astro-dbt.local/pulumi/docker/internal/image"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/docker/cli/cli/config/types"
	"github.com/docker/docker/api/types/registry"
)

// indexServer is the name under which Docker keeps the credentials of Docker Hub.
const indexServer = "https://index.docker.io/v1/"

// Credentials are the user's Docker configuration with the image's credentials on top, in memory only.
type Credentials struct {
	file *configfile.ConfigFile
	all  map[string]registry.AuthConfig
}

// NewCredentials reads the Docker configuration and adds the given credentials.
func NewCredentials(wanted image.Image) (*Credentials, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return nil, fmt.Errorf("the Docker configuration in %s can't be read: %w", config.Dir(), err)
	}
	file.CredentialsStore = credentials.DetectDefaultStore(file.CredentialsStore)
	gathered := &Credentials{file: file, all: map[string]registry.AuthConfig{}}
	stored, err := file.GetAllCredentials()
	if err != nil {
		return nil, fmt.Errorf("the credentials of the Docker configuration can't be read: %w", err)
	}
	for address, entry := range stored {
		gathered.all[address] = registry.AuthConfig(entry)
	}
	if wanted.Registry.Username != "" && wanted.Registry.Password != "" {
		server, err := ServerOf(wanted)
		if err != nil {
			return nil, err
		}
		gathered.add(server, wanted.Registry.Username, wanted.Registry.Password)
	}
	return gathered, nil
}

func (c *Credentials) add(server, username, password string) {
	entry := registry.AuthConfig{Username: username, Password: password, ServerAddress: server}
	c.all[server] = entry
	if c.file.AuthConfigs == nil {
		c.file.AuthConfigs = map[string]types.AuthConfig{}
	}
	c.file.AuthConfigs[server] = types.AuthConfig(entry)
	// A credential store would be asked before the entries in memory.
	if c.file.CredentialHelpers == nil {
		c.file.CredentialHelpers = map[string]string{}
	}
	delete(c.file.CredentialHelpers, server)
	c.file.CredentialsStore = ""
}

// header is the X-Registry-Auth header for a server.
func (c *Credentials) header(server string) (string, error) {
	entry, has := c.all[server]
	if !has {
		stored, err := c.file.GetAuthConfig(server)
		if err != nil {
			return "", err
		}
		entry = registry.AuthConfig(stored)
	}
	content, err := json.Marshal(entry)
	return base64.URLEncoding.EncodeToString(content), err
}

// Warning says what is wrong with an image's credentials, if anything.
func Warning(registry image.Registry) string {
	switch {
	case registry.Username == "" && registry.Password != "":
		return "username was not set, although password was; using host credentials file"
	case registry.Username != "" && registry.Password == "":
		return "password was not set, although username was; using host credentials file"
	}
	return ""
}

// ServerOf gives the registry of an image: as declared, or from its fully qualified name.
func ServerOf(wanted image.Image) (string, error) {
	if wanted.Registry.Server != "" {
		return serverName(wanted.Registry.Server), nil
	}
	return ServerOfReference(wanted.Name)
}

// ServerOfReference gives the registry in a fully qualified image name.
func ServerOfReference(name string) (string, error) {
	named, err := reference.ParseNamed(name)
	if err != nil {
		return "", fmt.Errorf("%q: %w.\nThis resource requires all image names to be fully qualified.\nFor example, if you are "+
			"attempting to push to Dockerhub, prefix your image name with `docker.io`:\n\n`docker.io/repository/image:tag`",
			name, err)
	}
	return serverName(reference.Domain(named)), nil
}

func serverName(address string) string {
	host := credentials.ConvertToHostname(address)
	switch host {
	case "docker.io", "index.docker.io", "registry-1.docker.io":
		return indexServer
	}
	return host
}

// redactor hides credentials and values of build arguments that are secret in what the engine prints.
func redactor(secrets []string) func(string) string {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "[secret]")
		}
	}
	if len(pairs) == 0 {
		return func(text string) string { return text }
	}
	return strings.NewReplacer(pairs...).Replace
}

// secrets are the passwords known here.
func (c *Credentials) secrets() []string {
	var found []string
	for _, entry := range c.all {
		found = append(found, entry.Password, entry.IdentityToken, entry.RegistryToken)
	}
	return found
}
