package main

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynq/x/rate"
)

// semaphoreSpec is a token that a handler needs.
type semaphoreSpec struct {
	Scope     string `json:"scope"`
	MaxTokens int    `json:"maxTokens"`
}

// holding calls run while it holds a token, and fails without one.
func (s semaphoreSpec) holding(ctx context.Context, redis asynq.RedisConnOpt, run func() error) error {
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
	say(map[string]any{"event": "holds", "task": id})
	err = run()
	// A context that has ended would keep the token from being given back.
	return errors.Join(err, semaphore.Release(context.WithoutCancel(ctx)))
}
