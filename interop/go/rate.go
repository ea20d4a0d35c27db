package main

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynq/x/rate"
)

// semaphoreSpec is a semaphore that a handler acquires.
type semaphoreSpec struct {
	Scope     string `json:"scope"`
	MaxTokens int    `json:"maxTokens"`
}

// withToken calls run while it holds a token. It fails when no token is free.
func (s semaphoreSpec) withToken(ctx context.Context, redis asynq.RedisConnOpt, run func() error) error {
	semaphore := rate.NewSemaphore(redis, s.Scope, s.MaxTokens)
	defer semaphore.Close()
	acquired, err := semaphore.Acquire(ctx)
	if err != nil {
		return err
	}
	if !acquired {
		return errors.New("no token")
	}
	id, _ := asynq.GetTaskID(ctx)
	say(map[string]any{"event": "acquired", "task": id})
	err = run()
	// The token must be released even if the context has ended.
	return errors.Join(err, semaphore.Release(context.WithoutCancel(ctx)))
}
