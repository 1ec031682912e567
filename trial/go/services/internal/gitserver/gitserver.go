// Package gitserver serves private bare repositories over smart HTTP the way a Git host does: basic authentication
// with a token per repository, partial clones, pushes for who may write. Git itself does the work (git http-backend).
package gitserver

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Config of a server.
type Config struct {
	// Repositories is the folder with the bare repositories, in subfolders by owner.
	Repositories string
	// Credentials is the JSON file with the grants; it is read again at every request, so that a token can be
	// rotated or withdrawn while the server runs.
	Credentials string
	// AccessLog gets one JSON line per request, never a credential.
	AccessLog string
}

// Server is the HTTP handler.
type Server struct {
	config  Config
	backend *cgi.Handler
	access  *accessLog
}

// services are the paths of the smart protocol below a repository, see gitprotocol-http(5).
var services = []string{"/info/refs", "/git-upload-pack", "/git-receive-pack"}

// New checks that git http-backend is there and opens the access log.
func New(config Config) (*Server, error) {
	root, err := filepath.Abs(config.Repositories)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("%q is not a folder with repositories", config.Repositories)
	}
	output, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("git --exec-path: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(output)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return nil, fmt.Errorf("git http-backend is missing: %w", err)
	}
	access, err := openAccessLog(config.AccessLog)
	if err != nil {
		return nil, err
	}
	return &Server{
		config: config,
		access: access,
		backend: &cgi.Handler{
			Path:   backend,
			Env:    backendEnvironment(root),
			Logger: log.New(os.Stderr, "git http-backend: ", log.LstdFlags),
			Stderr: os.Stderr,
		},
	}, nil
}

// Close closes the access log.
func (s *Server) Close() error {
	return s.access.Close()
}

// backendEnvironment gives Git what Git hosts allow: partial clones, single commits by hash, pushes over HTTP. The
// user's and the machine's own Git settings stay out.
func backendEnvironment(root string) []string {
	settings := [][2]string{
		{"http.receivepack", "true"},
		{"uploadpack.allowFilter", "true"},
		{"uploadpack.allowReachableSHA1InWant", "true"},
		{"safe.directory", "*"},
	}
	environment := []string{
		"GIT_PROJECT_ROOT=" + root,
		"GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"PATH=" + os.Getenv("PATH"),
		fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(settings)),
	}
	for i, setting := range settings {
		environment = append(environment,
			fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, setting[0]),
			fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, setting[1]))
	}
	return environment
}

// ServeHTTP checks the credentials and hands the request to git http-backend.
func (s *Server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	started := time.Now()
	counter := &countingWriter{ResponseWriter: writer}
	username, token, _ := request.BasicAuth()
	s.serve(counter, request, username, token)
	s.access.write(entry{
		Time: started.UTC(), Method: request.Method, Path: request.URL.RequestURI(), Username: username,
		Protocol: request.Header.Get("Git-Protocol"), Status: counter.status, Bytes: counter.bytes,
		Milliseconds: time.Since(started).Milliseconds(),
	})
}

func (s *Server) serve(writer http.ResponseWriter, request *http.Request, username, token string) {
	repository, service, ok := split(request.URL.Path)
	if !ok {
		http.NotFound(writer, request)
		return
	}
	credentials, err := ReadCredentials(s.config.Credentials)
	if err != nil {
		log.Print(err)
		http.Error(writer, "the server's credentials file cannot be read", http.StatusInternalServerError)
		return
	}
	write := service == "/git-receive-pack" || request.URL.Query().Get("service") == "git-receive-pack"
	if !credentials.Allows(repository, username, token, write, time.Now()) {
		// The same answer whether the repository exists or not, as Git hosts do.
		writer.Header().Set("WWW-Authenticate", `Basic realm="trial git server", charset="UTF-8"`)
		http.Error(writer, "authentication required", http.StatusUnauthorized)
		return
	}
	if err := giveLength(request); err != nil {
		http.Error(writer, "the request could not be read", http.StatusBadRequest)
		return
	}
	defer request.Body.Close()
	backend := *s.backend
	backend.Env = append(append([]string{}, s.backend.Env...),
		"REMOTE_USER="+username, "GIT_PROTOCOL="+request.Header.Get("Git-Protocol"))
	request.Header.Del("Authorization")
	backend.ServeHTTP(writer, request)
}

// split cuts a request path into the repository ("platform/dags.git") and the service ("/info/refs").
func split(requestPath string) (repository, service string, ok bool) {
	if path.Clean(requestPath) != requestPath {
		return "", "", false
	}
	for _, service := range services {
		if repository, found := strings.CutSuffix(requestPath, service); found {
			repository = strings.TrimPrefix(repository, "/")
			return repository, service, repository != ""
		}
	}
	return "", "", false
}

// giveLength puts a body of unknown length (Git pushes in chunks above http.postBuffer) into a file, because CGI
// needs the length beforehand.
func giveLength(request *http.Request) error {
	if request.ContentLength >= 0 && len(request.TransferEncoding) == 0 {
		return nil
	}
	spool, err := os.CreateTemp("", "git-push-*")
	if err != nil {
		return err
	}
	// Unlinked at once: the open file is enough, and nothing stays after a crash.
	if err := os.Remove(spool.Name()); err != nil {
		return err
	}
	length, err := io.Copy(spool, request.Body)
	if err != nil {
		spool.Close()
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		spool.Close()
		return err
	}
	request.Body.Close()
	request.Body, request.ContentLength, request.TransferEncoding = spool, length, nil
	return nil
}
