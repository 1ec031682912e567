// Package engine speaks to the Pulumi engine that started a plugin: messages that users see.
package engine

import (
	"context"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Log sends messages to the engine. The zero value drops them, which is what tests and `pulumi package` calls need.
type Log struct {
	mutex  sync.Mutex
	client pulumirpc.EngineClient
	once   sync.Once
}

// Connect points the log to the engine's address (host:port).
func (l *Log) Connect(address string) error {
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.client = pulumirpc.NewEngineClient(connection)
	return nil
}

// Info shows a message that stays; urn may be empty, which is the stack itself.
func (l *Log) Info(ctx context.Context, urn, message string) {
	l.send(ctx, pulumirpc.LogSeverity_INFO, urn, message, false)
}

// Warning shows a warning that stays.
func (l *Log) Warning(ctx context.Context, urn, message string) {
	l.send(ctx, pulumirpc.LogSeverity_WARNING, urn, message, false)
}

// Status shows what a resource is doing right now; the next status replaces it.
func (l *Log) Status(ctx context.Context, urn, message string) {
	l.send(ctx, pulumirpc.LogSeverity_INFO, urn, message, true)
}

// InfoOnce shows a message the first time it is called, whatever the message is.
func (l *Log) InfoOnce(ctx context.Context, message string) {
	l.once.Do(func() { l.Info(ctx, "", message) })
}

func (l *Log) send(ctx context.Context, severity pulumirpc.LogSeverity, urn, message string, ephemeral bool) {
	l.mutex.Lock()
	client := l.client
	l.mutex.Unlock()
	if client == nil {
		return
	}
	// A message that can't be delivered must not fail the operation it talks about.
	_, _ = client.Log(ctx, &pulumirpc.LogRequest{
		Severity: severity, Message: strings.ToValidUTF8(message, "\uFFFD"), Urn: urn, Ephemeral: ephemeral,
	})
}
