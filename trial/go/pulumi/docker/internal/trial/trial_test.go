package trial

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRequireNeedsTheStateFolder(t *testing.T) {
	folder := t.TempDir()
	getenv := func(string) string { return folder }

	if err := Require("docker", func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Fatalf("without the variable: %v", err)
	}
	if err := Require("docker", getenv); err == nil || !strings.Contains(err.Error(), "environment.json") {
		t.Fatalf("with an empty folder: %v", err)
	}
	file := filepath.Join(folder, "environment.json")
	if err := os.WriteFile(file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Require("docker", getenv); err == nil {
		t.Fatal("accepted a file that is not JSON")
	}
	if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Require("docker", getenv); err != nil {
		t.Fatalf("with a state folder: %v", err)
	}
}

func TestLoopbackHosts(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.2:5000": true, "localhost:5000": true, "[::1]:6443": true, "::1": true,
		"docker.io": false, "10.0.0.1:443": false, "localhost.example.com": false, "": false, "127.0.0.1.example.com:1": false,
	} {
		if got := IsLoopbackHost(host); got != want {
			t.Errorf("IsLoopbackHost(%q) = %v, want %v", host, got, want)
		}
	}
	if err := RequireLoopbackURL("kubernetes", "the cluster", "https://127.0.0.1:6443"); err != nil {
		t.Error(err)
	}
	if err := RequireLoopbackURL("kubernetes", "the cluster", "https://192.0.2.1:6443"); err == nil {
		t.Error("accepted a cluster elsewhere")
	}
}
