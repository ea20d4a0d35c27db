package main

import "github.com/hibiken/asynq"

// scheduleSpec is a scheduler to start.
type scheduleSpec struct {
	HeartbeatMs int64       `json:"heartbeatMs"`
	Entries     []entrySpec `json:"entries"`
}

// entrySpec is an entry of the scheduler.
type entrySpec struct {
	Spec string   `json:"spec"`
	Task taskSpec `json:"task"`
}

// schedule starts a scheduler and returns the IDs of its entries.
func (p *peer) schedule(s scheduleSpec) (any, error) {
	scheduler := asynq.NewScheduler(p.redis, &asynq.SchedulerOpts{
		HeartbeatInterval: duration(s.HeartbeatMs),
		LogLevel:          asynq.FatalLevel,
	})
	ids := make([]string, len(s.Entries))
	for n, entry := range s.Entries {
		var payload []byte
		if entry.Task.Payload != nil {
			payload = *entry.Task.Payload
		}
		task := asynq.NewTask(entry.Task.Type, payload)
		id, err := scheduler.Register(entry.Spec, task, entry.Task.options()...)
		if err != nil {
			return nil, err
		}
		ids[n] = id
	}
	p.mu.Lock()
	p.scheduler = scheduler
	p.mu.Unlock()
	return ids, scheduler.Start()
}

// unschedule shuts the scheduler down.
func (p *peer) unschedule() (any, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.scheduler.Shutdown()
	return nil, nil
}

// enqueueEvents lists the tasks that an entry has enqueued. Task is the ID of the entry.
func (p *peer) enqueueEvents(s inspectSpec) (any, error) {
	events, err := p.inspector.ListSchedulerEnqueueEvents(s.Task, asynq.Page(s.Page), asynq.PageSize(s.Size))
	all := make([]map[string]any, len(events))
	for n, event := range events {
		all[n] = map[string]any{"taskId": event.TaskID, "atMs": ms(event.EnqueuedAt)}
	}
	return all, err
}
