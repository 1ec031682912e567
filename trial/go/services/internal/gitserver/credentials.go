package gitserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// Credentials says who may do what with which repository. A repository that is not listed does not exist for anybody.
type Credentials struct {
	// Repositories maps a repository's path below the folder, such as "platform/dags.git", to who may use it.
	Repositories map[string][]Grant `json:"repositories"`
}

// Grant lets one user into one repository with one token.
type Grant struct {
	Username string `json:"username"`
	Token    string `json:"token"`
	// Write allows pushes; a grant always allows reading.
	Write bool `json:"write,omitempty"`
	// Expires ends the grant at that time (RFC 3339); without it the grant does not end.
	Expires *time.Time `json:"expires,omitempty"`
}

// ReadCredentials reads the JSON file; an unknown field is an error, because a misspelt "expires" would grant for ever.
func ReadCredentials(path string) (Credentials, error) {
	var credentials Credentials
	file, err := os.Open(path)
	if err != nil {
		return credentials, err
	}
	defer file.Close()
	decoder := json.NewDecoder(file)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&credentials); err != nil {
		// The decoder's own message may quote the text, which holds tokens.
		return Credentials{}, fmt.Errorf("%s is not a credentials file", path)
	}
	return credentials, nil
}

// Allows reports whether the user may read (or write) the repository with the token at that time.
func (c Credentials) Allows(repository, username, token string, write bool, now time.Time) bool {
	allowed := false
	for _, grant := range c.Repositories[repository] {
		if grant.Token == "" || !same(grant.Username, username) || !same(grant.Token, token) {
			continue
		}
		if write && !grant.Write || grant.Expires != nil && !now.Before(*grant.Expires) {
			continue
		}
		allowed = true
	}
	return allowed
}

// same compares without telling by its duration where the texts differ.
func same(a, b string) bool {
	hashA, hashB := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(hashA[:], hashB[:]) == 1
}
