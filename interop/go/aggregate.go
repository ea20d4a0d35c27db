package main

import (
	"bytes"
	"time"

	"github.com/hibiken/asynq"
)

// groupSpec says how a server aggregates the tasks of a group.
type groupSpec struct {
	GraceMs    int64 `json:"graceMs"`
	MaxDelayMs int64 `json:"maxDelayMs"`
	MaxSize    int   `json:"maxSize"`
	// Type of the aggregated task. Its payload is the members' payloads, joined with commas.
	Type string `json:"type"`
	// Queue that the aggregated task requests. Asynq ignores it.
	Queue string `json:"queue"`
}

func (g groupSpec) aggregate(group string, tasks []*asynq.Task) *asynq.Task {
	payloads := make([][]byte, len(tasks))
	for i, task := range tasks {
		payloads[i] = task.Payload()
	}
	say(map[string]any{"event": "aggregated", "task": group, "retried": len(tasks)})
	return asynq.NewTask(g.Type, bytes.Join(payloads, []byte(",")), asynq.Queue(g.Queue))
}

func (g groupSpec) apply(config *asynq.Config) {
	config.GroupAggregator = asynq.GroupAggregatorFunc(g.aggregate)
	config.GroupGracePeriod = time.Duration(g.GraceMs) * time.Millisecond
	config.GroupMaxDelay = time.Duration(g.MaxDelayMs) * time.Millisecond
	config.GroupMaxSize = g.MaxSize
}
