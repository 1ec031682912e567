package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	controlapi "github.com/moby/buildkit/api/services/control"
)

// traceID marks the messages in which BuildKit reports its progress.
const traceID = "moby.buildkit.trace"

// message is one line of what the Docker engine streams.
type message struct {
	ID       string           `json:"id"`
	Stream   string           `json:"stream"`
	Status   string           `json:"status"`
	Progress string           `json:"progress"`
	From     string           `json:"from"`
	Error    string           `json:"error"`
	Detail   *detail          `json:"errorDetail"`
	Aux      *json.RawMessage `json:"aux"`
}

type detail struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// follow reads a stream to its end, shows its lines and hands results to take, which tells whether it understood one.
func follow(stream io.Reader, show func(string), take func(json.RawMessage) bool) error {
	decoder := json.NewDecoder(stream)
	for {
		var line message
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("error parsing Docker output: %w", err)
		}
		if err := line.failure(); err != nil {
			return err
		}
		if line.Aux != nil && line.ID != traceID && take != nil && take(*line.Aux) {
			continue
		}
		if text := line.text(); text != "" {
			show(text)
		}
	}
}

func (m message) failure() error {
	text := m.Error
	if m.Detail != nil && m.Detail.Message != "" {
		text = m.Detail.Message
	}
	switch {
	case m.Detail != nil && m.Detail.Code == 401:
		return errors.New("authentication is required")
	case text == "EOF":
		return errors.New("EOF: This error is most likely due to incorrect or mismatched registry credentials. " +
			"Please double check you are using the correct credentials and registry name")
	case text != "":
		return errors.New(text)
	}
	return nil
}

func (m message) text() string {
	if m.ID == traceID && m.Aux != nil {
		return trace(*m.Aux)
	}
	text := m.From + m.Stream
	if m.Stream == "" {
		text += strings.TrimSpace(m.Status + " " + m.Progress)
	}
	return strings.TrimSpace(text)
}

// trace prints BuildKit's progress: the steps, what they print, and their errors.
func trace(aux json.RawMessage) string {
	var content []byte
	var status controlapi.StatusResponse
	if json.Unmarshal(aux, &content) != nil || status.UnmarshalVT(content) != nil {
		return ""
	}
	var lines []string
	for _, vertex := range status.Vertexes {
		if vertex.Error != "" {
			lines = append(lines, "error: "+vertex.Error)
		} else if vertex.Completed == nil {
			lines = append(lines, vertex.Name)
		}
	}
	for _, log := range status.Logs {
		lines = append(lines, string(log.Msg))
	}
	for _, warning := range status.Warnings {
		lines = append(lines, string(warning.Short))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
