package gitserver

import (
	"encoding/json"
	"net/http"
	"os"
	"sync"
	"time"
)

// entry is one request in the access log. It has no field that a token could get into.
type entry struct {
	Time         time.Time `json:"time"`
	Method       string    `json:"method"`
	Path         string    `json:"path"`
	Username     string    `json:"username"`
	Protocol     string    `json:"protocol"`
	Status       int       `json:"status"`
	Bytes        int64     `json:"bytes"`
	Milliseconds int64     `json:"milliseconds"`
}

type accessLog struct {
	lock sync.Mutex
	file *os.File
}

func openAccessLog(path string) (*accessLog, error) {
	if path == "" {
		path = os.DevNull
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &accessLog{file: file}, nil
}

func (l *accessLog) write(line entry) {
	text, err := json.Marshal(line)
	if err != nil {
		return
	}
	l.lock.Lock()
	defer l.lock.Unlock()
	_, _ = l.file.Write(append(text, '\n'))
}

func (l *accessLog) Close() error {
	return l.file.Close()
}

// countingWriter remembers status and size of an answer.
type countingWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *countingWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(data []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	written, err := w.ResponseWriter.Write(data)
	w.bytes += int64(written)
	return written, err
}
