package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hibiken/asynq"
)

// serverSpec is a server to start.
type serverSpec struct {
	Queues            map[string]int `json:"queues"`
	Concurrency       int            `json:"concurrency"`
	Strict            bool           `json:"strict"`
	RetryDelayMs      *int64         `json:"retryDelayMs"`
	ShutdownTimeoutMs int64          `json:"shutdownTimeoutMs"`
	// Behaviours by task type; a type that is not named succeeds.
	Behaviours map[string]behaviour `json:"behaviours"`
	// Brief servers say only "ran" of each task, for tests with thousands of them.
	Brief bool `json:"brief"`
	// Groups are left alone without it.
	Groups *groupSpec `json:"groups"`

	redis asynq.RedisConnOpt
}

// behaviour is what a handler does: succeed, fail, skip, skipWrapped, revoke, revokeWrapped, panic,
// hang (until its context ends) or hold (for ever, whatever happens).
type behaviour struct {
	Do     string `json:"do"`
	Text   string `json:"text"`
	Result []byte `json:"result"`
	// FailTimes lets the first attempts fail.
	FailTimes int `json:"failTimes"`
	// Semaphore names a token to hold meanwhile.
	Semaphore *semaphoreSpec `json:"semaphore"`
}

func (b behaviour) run(ctx context.Context, task *asynq.Task, retried int) error {
	if b.Result != nil {
		if _, err := task.ResultWriter().Write(b.Result); err != nil {
			return err
		}
	}
	if retried < b.FailTimes {
		return errors.New(b.Text)
	}
	switch b.Do {
	case "fail":
		return errors.New(b.Text)
	case "skip":
		return asynq.SkipRetry
	case "skipWrapped":
		return fmt.Errorf("%s: %w", b.Text, asynq.SkipRetry)
	case "revoke":
		return asynq.RevokeTask
	case "revokeWrapped":
		return fmt.Errorf("%s: %w", b.Text, asynq.RevokeTask)
	case "panic":
		panic(b.Text)
	case "hang":
		<-ctx.Done()
		return ctx.Err()
	case "hold":
		select {}
	}
	return nil
}

// seen is what a handler learns of its task.
func seen(ctx context.Context, task *asynq.Task) map[string]any {
	id, _ := asynq.GetTaskID(ctx)
	queue, _ := asynq.GetQueueName(ctx)
	retried, _ := asynq.GetRetryCount(ctx)
	most, _ := asynq.GetMaxRetry(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"event": "started", "task": id, "queue": queue, "type": task.Type(), "payload": task.Payload(),
		"headers": task.Headers(), "retried": retried, "maxRetry": most, "deadlineMs": ms(deadline),
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (s serverSpec) handle(ctx context.Context, task *asynq.Task) error {
	facts := seen(ctx, task)
	if s.Brief {
		say(map[string]any{"event": "ran", "task": facts["task"]})
	} else {
		say(facts)
	}
	behaviour := s.Behaviours[task.Type()]
	run := func() error { return behaviour.run(ctx, task, facts["retried"].(int)) }
	var err error
	if behaviour.Semaphore == nil {
		err = run()
	} else {
		err = behaviour.Semaphore.holding(ctx, s.redis, run)
	}
	if !s.Brief {
		say(map[string]any{"event": "ended", "task": facts["task"], "type": task.Type(), "error": text(err)})
	}
	return err
}

func (s serverSpec) config() asynq.Config {
	config := asynq.Config{
		Concurrency:              s.Concurrency,
		Queues:                   s.Queues,
		StrictPriority:           s.Strict,
		ShutdownTimeout:          duration(s.ShutdownTimeoutMs),
		TaskCheckInterval:        100 * time.Millisecond,
		DelayedTaskCheckInterval: 250 * time.Millisecond,
		JanitorInterval:          time.Second,
		LogLevel:                 asynq.FatalLevel,
		ErrorHandler: asynq.ErrorHandlerFunc(func(ctx context.Context, _ *asynq.Task, err error) {
			id, _ := asynq.GetTaskID(ctx)
			say(map[string]any{"event": "failed", "task": id, "error": err.Error()})
		}),
	}
	if s.RetryDelayMs != nil {
		config.RetryDelayFunc = func(int, error, *asynq.Task) time.Duration { return duration(*s.RetryDelayMs) }
	}
	if s.Groups != nil {
		s.Groups.apply(&config)
	}
	return config
}

func (p *peer) serve(s serverSpec) error {
	s.redis = p.redis
	server := asynq.NewServer(p.redis, s.config())
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	return server.Start(asynq.HandlerFunc(s.handle))
}

// current is the server started last.
func (p *peer) current() *asynq.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}
