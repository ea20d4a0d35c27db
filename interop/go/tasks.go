package main

import (
	"time"

	"github.com/hibiken/asynq"
)

// taskSpec is a task to enqueue. Bytes are base64, times and durations are milliseconds. A missing field sets no option.
type taskSpec struct {
	Type        string            `json:"type"`
	Payload     *[]byte           `json:"payload"`
	Headers     map[string]string `json:"headers"`
	Queue       *string           `json:"queue"`
	TaskID      *string           `json:"taskId"`
	MaxRetry    *int              `json:"maxRetry"`
	TimeoutMs   *int64            `json:"timeoutMs"`
	DeadlineMs  *int64            `json:"deadlineMs"`
	UniqueMs    *int64            `json:"uniqueMs"`
	ProcessAtMs *int64            `json:"processAtMs"`
	ProcessInMs *int64            `json:"processInMs"`
	RetentionMs *int64            `json:"retentionMs"`
	Group       *string           `json:"group"`
}

func duration(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// option calls make with the value behind the pointer, if there is one.
func option[T any](value *T, make func(T) asynq.Option) []asynq.Option {
	if value == nil {
		return nil
	}
	return []asynq.Option{make(*value)}
}

// options returns the options that are set.
func (s taskSpec) options() []asynq.Option {
	var all []asynq.Option
	add := func(more []asynq.Option) { all = append(all, more...) }
	timed := func(make func(time.Duration) asynq.Option) func(int64) asynq.Option {
		return func(ms int64) asynq.Option { return make(duration(ms)) }
	}
	at := func(make func(time.Time) asynq.Option) func(int64) asynq.Option {
		return func(ms int64) asynq.Option { return make(time.UnixMilli(ms)) }
	}
	add(option(s.Queue, asynq.Queue))
	add(option(s.TaskID, asynq.TaskID))
	add(option(s.MaxRetry, asynq.MaxRetry))
	add(option(s.TimeoutMs, timed(asynq.Timeout)))
	add(option(s.DeadlineMs, at(asynq.Deadline)))
	add(option(s.UniqueMs, timed(asynq.Unique)))
	add(option(s.ProcessAtMs, at(asynq.ProcessAt)))
	add(option(s.ProcessInMs, timed(asynq.ProcessIn)))
	add(option(s.RetentionMs, timed(asynq.Retention)))
	add(option(s.Group, asynq.Group))
	return all
}

// enqueue stores a task and returns its info.
func (p *peer) enqueue(s taskSpec) (any, error) {
	var payload []byte
	if s.Payload != nil {
		payload = *s.Payload
		if payload == nil {
			payload = []byte{}
		}
	}
	info, err := p.client.Enqueue(asynq.NewTaskWithHeaders(s.Type, payload, s.Headers), s.options()...)
	if err != nil {
		return nil, err
	}
	return describe(info), nil
}

// enqueueMany enqueues one task after another and returns their number.
func (p *peer) enqueueMany(specs []taskSpec) (any, error) {
	for _, spec := range specs {
		if _, err := p.enqueue(spec); err != nil {
			return nil, err
		}
	}
	return len(specs), nil
}

// ms returns Unix milliseconds, or 0 for Go's zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// describe returns Go's task info, with bytes in base64.
func describe(info *asynq.TaskInfo) map[string]any {
	return map[string]any{
		"id": info.ID, "queue": info.Queue, "type": info.Type, "payload": info.Payload, "headers": info.Headers,
		"state": info.State.String(), "maxRetry": info.MaxRetry, "retried": info.Retried, "lastErr": info.LastErr,
		"lastFailedAtMs": ms(info.LastFailedAt), "timeoutMs": info.Timeout.Milliseconds(), "deadlineMs": ms(info.Deadline),
		"group": info.Group, "nextProcessAtMs": ms(info.NextProcessAt), "isOrphaned": info.IsOrphaned,
		"retentionMs": info.Retention.Milliseconds(), "completedAtMs": ms(info.CompletedAt), "result": info.Result,
	}
}

func describeAll(infos []*asynq.TaskInfo, err error) (any, error) {
	all := make([]map[string]any, len(infos))
	for i, info := range infos {
		all[i] = describe(info)
	}
	return all, err
}
