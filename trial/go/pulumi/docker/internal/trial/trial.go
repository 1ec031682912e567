// Package trial keeps the stand-in plugins inside the trial environment: they start only with the trial's
// state folder at hand, and talk only to services on this machine.
package trial

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Variable names the environment variable that holds the path of the trial's state folder.
const Variable = "ASTRO_DBT_TRIAL"

// environmentFile is what every trial's state folder contains.
const environmentFile = "environment.json"

// Require fails with one sentence unless the process runs inside a trial.
//
// getenv is os.Getenv outside of tests. plugin is the name of the plugin, for the message.
func Require(plugin string, getenv func(string) string) error {
	folder := getenv(Variable)
	if folder == "" {
		return fmt.Errorf("the stand-in of the %s plugin runs only inside the trial environment (%s is not set): "+
			"install the official plugin with `pulumi plugin install resource %s`", plugin, Variable, plugin)
	}
	content, err := os.ReadFile(filepath.Join(folder, environmentFile))
	if err != nil || !json.Valid(content) {
		return fmt.Errorf("the stand-in of the %s plugin runs only inside the trial environment: %s is %q, "+
			"which holds no readable %s; start the trial with `make up`", plugin, Variable, folder, environmentFile)
	}
	return nil
}

// Announcement is what a stand-in says once when it starts.
func Announcement(plugin, version string) string {
	return fmt.Sprintf("this is a stand-in of the Pulumi plugin %s %s, for the trial environment only", plugin, version)
}

// RequireLoopbackURL fails unless the URL's host is this machine.
func RequireLoopbackURL(plugin, what, address string) error {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return fmt.Errorf("the stand-in of the %s plugin can't tell the host of %s: "+
			"use the official plugin for anything but the trial", plugin, what)
	}
	return RequireLoopbackHost(plugin, what, parsed.Host)
}

// RequireLoopbackHost fails unless host, with or without a port, is this machine.
func RequireLoopbackHost(plugin, what, host string) error {
	if IsLoopbackHost(host) {
		return nil
	}
	return fmt.Errorf("the stand-in of the %s plugin refuses %s at %q, because it is not on this machine's loopback: "+
		"use the official plugin for anything but the trial", plugin, what, host)
}

// IsLoopbackHost tells whether host ("name", "name:port", "address", "[address]:port") is this machine.
func IsLoopbackHost(host string) bool {
	name, err := hostName(host)
	if err != nil {
		return false
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	address := net.ParseIP(name)
	return address != nil && address.IsLoopback()
}

func hostName(host string) (string, error) {
	if host == "" {
		return "", errors.New("no host")
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name, nil
	}
	return strings.Trim(host, "[]"), nil
}
