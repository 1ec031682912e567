package daemon

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"astro-dbt.local/pulumi/docker/internal/image"

	"github.com/docker/docker/api/types/registry"
	controlapi "github.com/moby/buildkit/api/services/control"
)

func TestFollow(t *testing.T) {
	progress, err := (&controlapi.StatusResponse{
		Vertexes: []*controlapi.Vertex{{Name: "[1/2] RUN make"}},
		Logs:     []*controlapi.VertexLog{{Msg: []byte("made\n")}},
	}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := json.Marshal(progress)
	if err != nil {
		t.Fatal(err)
	}
	stream := `{"stream":"Step 1\n"}{"status":"Pushing","progress":"[=> ]"}{"id":"moby.buildkit.trace","aux":` +
		string(encoded) + `}{"aux":{"ID":"sha256:1"}}`
	var shown []string
	taken := 0
	err = follow(strings.NewReader(stream), func(text string) { shown = append(shown, text) },
		func(json.RawMessage) bool { taken++; return true })
	if err != nil {
		t.Fatal(err)
	}
	want := "Step 1|Pushing [=> ]|[1/2] RUN make\nmade"
	if got := strings.Join(shown, "|"); got != want || taken != 1 {
		t.Fatalf("got %q, taken %d", got, taken)
	}
}

func TestFollowFails(t *testing.T) {
	for stream, want := range map[string]string{
		`{"errorDetail":{"code":401,"message":"no"},"error":"no"}`: "authentication is required",
		`{"errorDetail":{"message":"broken"},"error":"broken"}`:    "broken",
		`{"error":"EOF"}`: "incorrect or mismatched registry credentials",
		`{`:               "error parsing Docker output",
	} {
		if err := follow(strings.NewReader(stream), func(string) {}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", stream, err)
		}
	}
}

func TestCredentials(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	gathered, err := NewCredentials(
		image.Image{Name: "127.0.0.1:5000/x:1", Registry: image.Registry{Username: "u", Password: "p"}},
	)
	if err != nil {
		t.Fatal(err)
	}
	if len(gathered.all) != 1 || gathered.all["127.0.0.1:5000"].Password != "p" {
		t.Fatalf("got %d credentials", len(gathered.all))
	}
	header, err := gathered.header("127.0.0.1:5000")
	if err != nil {
		t.Fatal(err)
	}
	content, err := base64.URLEncoding.DecodeString(header)
	if err != nil {
		t.Fatal(err)
	}
	var entry registry.AuthConfig
	if err := json.Unmarshal(content, &entry); err != nil || entry.Username != "u" {
		t.Fatalf("got %v, %v", entry.Username, err)
	}
	// BuildKit asks the same configuration.
	if stored, err := gathered.file.GetAuthConfig("127.0.0.1:5000"); err != nil || stored.Password != "p" {
		t.Fatalf("got %v, %v", stored.Username, err)
	}
}

func TestServerOf(t *testing.T) {
	for name, want := range map[string]string{
		"127.0.0.1:5000/a/b:1": "127.0.0.1:5000", "docker.io/library/x": indexServer, "ghcr.io/a/b": "ghcr.io",
	} {
		if got, err := ServerOf(image.Image{Name: name}); err != nil || got != want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := ServerOf(image.Image{Name: "a:1"}); err == nil || !strings.Contains(err.Error(), "fully qualified") {
		t.Errorf("got %v", err)
	}
	declared := image.Image{Name: "a", Registry: image.Registry{Server: "https://127.0.0.1:5000/v2/"}}
	if got, err := ServerOf(declared); err != nil || got != "127.0.0.1:5000" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSecretsAreHidden(t *testing.T) {
	redact := redactor([]string{"hush", ""})
	cause := errors.New("login with hush failed")
	err := hidden{error: cause, text: redact(cause.Error())}
	if err.Error() != "login with [secret] failed" || !errors.Is(err, cause) {
		t.Fatalf("got %v", err)
	}
	if redactor(nil)("text") != "text" {
		t.Fatal("nothing to hide, but the text changed")
	}
}

func TestWarnings(t *testing.T) {
	if Warning(image.Registry{Username: "u"}) == "" || Warning(image.Registry{Password: "p"}) == "" {
		t.Fatal("half a credential passes without a word")
	}
	if Warning(image.Registry{Username: "u", Password: "p"}) != "" || Warning(image.Registry{}) != "" {
		t.Fatal("a warning without a cause")
	}
}
