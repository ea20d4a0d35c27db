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
	// Behaviours by task type. Tasks of other types succeed.
	Behaviours map[string]behaviour `json:"behaviours"`
	// Brief reports only "ran" for each task, for tests with thousands of them.
	Brief bool `json:"brief"`
	// Groups enables aggregation. Without it the server leaves groups alone.
	Groups *groupSpec `json:"groups"`

	redis asynq.RedisConnOpt
}

// behaviour is what a handler does: succeed, fail, skip, skipWrapped, revoke, revokeWrapped, panic,
// hang (until its context ends) or block (forever).
type behaviour struct {
	Do     string `json:"do"`
	Text   string `json:"text"`
	Result []byte `json:"result"`
	// FailTimes is the number of attempts that fail first.
	FailTimes int `json:"failTimes"`
	// Semaphore is held while the handler runs.
	Semaphore *semaphoreSpec `json:"semaphore"`
}

// run behaves as the test asks and returns the outcome of the attempt.
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
	case "block":
		select {}
	}
	return nil
}

// describeAttempt returns what a handler knows about its task.
func describeAttempt(ctx context.Context, task *asynq.Task) map[string]any {
	id, _ := asynq.GetTaskID(ctx)
	queue, _ := asynq.GetQueueName(ctx)
	retried, _ := asynq.GetRetryCount(ctx)
	maxRetry, _ := asynq.GetMaxRetry(ctx)
	deadline, _ := ctx.Deadline()
	return map[string]any{
		"event": "started", "task": id, "queue": queue, "type": task.Type(), "payload": task.Payload(),
		"headers": task.Headers(), "retried": retried, "maxRetry": maxRetry, "deadlineMs": ms(deadline),
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// handle is the handler of all tasks. It reports the attempt's start and end.
func (s serverSpec) handle(ctx context.Context, task *asynq.Task) error {
	attempt := describeAttempt(ctx, task)
	if s.Brief {
		say(map[string]any{"event": "ran", "task": attempt["task"]})
	} else {
		say(attempt)
	}
	behaviour := s.Behaviours[task.Type()]
	run := func() error { return behaviour.run(ctx, task, attempt["retried"].(int)) }
	var err error
	if behaviour.Semaphore == nil {
		err = run()
	} else {
		err = behaviour.Semaphore.withToken(ctx, s.redis, run)
	}
	if !s.Brief {
		say(map[string]any{"event": "ended", "task": attempt["task"], "type": task.Type(), "error": text(err)})
	}
	return err
}

// config returns a configuration with short intervals, which keeps tests fast.
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

// serve starts a server in the background.
func (p *peer) serve(s serverSpec) error {
	s.redis = p.redis
	server := asynq.NewServer(p.redis, s.config())
	p.mu.Lock()
	p.server = server
	p.mu.Unlock()
	return server.Start(asynq.HandlerFunc(s.handle))
}

// current returns the server that was started last.
func (p *peer) current() *asynq.Server {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.server
}
