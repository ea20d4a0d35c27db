package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"
)

// fleetSpec is one process of a mixed fleet: a server, or a producer of the tasks with the numbers From to To.
// It appends a line to the file Log for each step. Written lines survive the process.
type fleetSpec struct {
	Log         string   `json:"log"`
	Queues      []string `json:"queues"`
	Concurrency int      `json:"concurrency"`
	// Aggregate: whether the server aggregates groups.
	Aggregate bool   `json:"aggregate"`
	Prefix    string `json:"prefix"`
	From      int    `json:"from"`
	To        int    `json:"to"`
	PerSecond int    `json:"perSecond"`
}

func (s fleetSpec) open() (*os.File, error) {
	return os.OpenFile(s.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
}

// fleetHandler logs the start (S) and the end (E) of each attempt. Tasks of type `once` fail the first time, `bad` each time.
func fleetHandler(log *os.File) asynq.HandlerFunc {
	return func(ctx context.Context, task *asynq.Task) error {
		id, _ := asynq.GetTaskID(ctx)
		retried, _ := asynq.GetRetryCount(ctx)
		fmt.Fprintf(log, "S %s\n", id)
		time.Sleep(fleetDuration(id))
		if task.Type() == "bad" || (task.Type() == "once" && retried == 0) {
			fmt.Fprintf(log, "E %s fail\n", id)
			return errors.New("planned failure")
		}
		fmt.Fprintf(log, "E %s ok\n", id)
		return nil
	}
}

// fleetDuration is how long an attempt takes. Some are long: kills should hit them.
func fleetDuration(id string) time.Duration {
	if n, err := strconv.Atoi(id[strings.LastIndex(id, "-")+1:]); err == nil && n%25 == 0 {
		return 500 * time.Millisecond
	}
	return 10 * time.Millisecond
}

// fleetBatch aggregates: the payload is a JSON list of the members' payloads.
func fleetBatch(_ string, tasks []*asynq.Task) *asynq.Task {
	payloads := make([][]byte, len(tasks))
	for i, task := range tasks {
		payloads[i] = task.Payload()
	}
	list := append(append([]byte{'['}, bytes.Join(payloads, []byte{','})...), ']')
	return asynq.NewTask("batch", list, asynq.Retention(time.Hour), asynq.MaxRetry(5))
}

func (p *peer) fleetServe(s fleetSpec) error {
	log, err := s.open()
	if err != nil {
		return err
	}
	queues := map[string]int{}
	for i, queue := range s.Queues {
		queues[queue] = len(s.Queues) - i
	}
	config := asynq.Config{
		Concurrency:              s.Concurrency,
		Queues:                   queues,
		TaskCheckInterval:        200 * time.Millisecond,
		DelayedTaskCheckInterval: 500 * time.Millisecond,
		LogLevel:                 asynq.FatalLevel,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return time.Second },
	}
	if s.Aggregate {
		config.GroupAggregator = asynq.GroupAggregatorFunc(fleetBatch)
		config.GroupGracePeriod = 2 * time.Second
		config.GroupMaxDelay = 5 * time.Second
		config.GroupMaxSize = 20
	}
	return asynq.NewServer(p.redis, config).Start(fleetHandler(log))
}

// fleetTask makes the task of a number. All producers make the same tasks, except for their IDs.
func (s fleetSpec) fleetTask(n int) (*asynq.Task, []asynq.Option) {
	id := s.Prefix + "-" + strconv.Itoa(n)
	kind, payload := "ok", strconv.Quote(id)
	options := []asynq.Option{
		asynq.TaskID(id), asynq.Queue(s.Queues[n%len(s.Queues)]), asynq.MaxRetry(5), asynq.Retention(time.Hour),
	}
	switch n % 20 {
	case 10, 11, 12, 17:
		kind = "once"
	case 13:
		kind = "bad"
		options = append(options, asynq.MaxRetry(1))
	case 18:
		kind, payload = "unique", strconv.Quote(strconv.Itoa(n))
		options = append(options, asynq.ProcessIn(30*time.Second), asynq.Unique(10*time.Minute))
	case 19:
		kind = "member"
		options = append(options, asynq.Group("g"))
	}
	if n%20 >= 14 && n%20 <= 17 {
		options = append(options, asynq.ProcessIn(time.Duration(1+n%5)*time.Second))
	}
	return asynq.NewTask(kind, []byte(payload)), options
}

// fleetProduce enqueues the tasks. A task that is stored already is no error: a restarted producer repeats its last one.
func (p *peer) fleetProduce(s fleetSpec) error {
	log, err := s.open()
	if err != nil {
		return err
	}
	began := time.Now()
	for n := s.From; n < s.To; n++ {
		due := time.Duration(n-s.From) * time.Second / time.Duration(s.PerSecond)
		time.Sleep(time.Until(began.Add(due)))
		task, options := s.fleetTask(n)
		_, err := p.client.Enqueue(task, options...)
		if err != nil && !errors.Is(err, asynq.ErrTaskIDConflict) && !errors.Is(err, asynq.ErrDuplicateTask) {
			return err
		}
		fmt.Fprintf(log, "P %d\n", n)
	}
	return nil
}
