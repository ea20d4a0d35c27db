package main

import (
	"fmt"

	"github.com/hibiken/asynq"
)

// inspectSpec is one operation of the inspector. Op decides which of the other fields are used.
type inspectSpec struct {
	Op      string `json:"op"`
	Queue   string `json:"queue"`
	Task    string `json:"task"`
	State   string `json:"state"`
	Payload []byte `json:"payload"`
	Page    int    `json:"page"`
	Size    int    `json:"size"`
	Days    int    `json:"days"`
	Force   bool   `json:"force"`
}

type (
	lister     func(string, ...asynq.ListOption) ([]*asynq.TaskInfo, error)
	bulkChange func(string) (int, error)
)

// inspect executes an operation of the inspector. Those that change something are in change.
func (p *peer) inspect(s inspectSpec) (any, error) {
	i := p.inspector
	switch s.Op {
	case "queues":
		return i.Queues()
	case "info":
		return i.GetQueueInfo(s.Queue)
	case "history":
		return i.History(s.Queue, s.Days)
	case "groups":
		return i.Groups(s.Queue)
	case "task":
		info, err := i.GetTaskInfo(s.Queue, s.Task)
		if err != nil {
			return nil, err
		}
		return describe(info), nil
	case "list":
		return p.list(s)
	case "clusterKeySlot":
		return i.ClusterKeySlot(s.Queue)
	case "clusterNodes":
		return p.clusterNodes(s.Queue)
	case "schedulerEntries":
		return p.schedulerEntries()
	case "enqueueEvents":
		return p.enqueueEvents(s)
	case "servers":
		return p.servers()
	}
	return p.change(s)
}

// change executes an operation on one task or on a queue.
func (p *peer) change(s inspectSpec) (any, error) {
	i := p.inspector
	switch s.Op {
	case "run":
		return nil, i.RunTask(s.Queue, s.Task)
	case "archive":
		return nil, i.ArchiveTask(s.Queue, s.Task)
	case "delete":
		return nil, i.DeleteTask(s.Queue, s.Task)
	case "cancel":
		return nil, i.CancelProcessing(s.Task)
	case "update":
		return nil, i.UpdateTaskPayload(s.Queue, s.Task, s.Payload)
	case "pause":
		return nil, i.PauseQueue(s.Queue)
	case "unpause":
		return nil, i.UnpauseQueue(s.Queue)
	case "remove":
		return nil, i.DeleteQueue(s.Queue, s.Force)
	case "runAll", "archiveAll", "deleteAll":
		return p.changeAll(s)
	}
	return nil, fmt.Errorf("unknown operation %q", s.Op)
}

// list returns a page of the tasks in a state.
func (p *peer) list(s inspectSpec) (any, error) {
	i := p.inspector
	lists := map[string]lister{
		"pending": i.ListPendingTasks, "active": i.ListActiveTasks, "scheduled": i.ListScheduledTasks,
		"retry": i.ListRetryTasks, "archived": i.ListArchivedTasks, "completed": i.ListCompletedTasks,
	}
	return describeAll(lists[s.State](s.Queue, asynq.Page(s.Page), asynq.PageSize(s.Size)))
}

// changeAll executes an operation on all tasks in a state and returns their number.
func (p *peer) changeAll(s inspectSpec) (any, error) {
	i := p.inspector
	changes := map[string]bulkChange{
		"runAll scheduled": i.RunAllScheduledTasks, "runAll retry": i.RunAllRetryTasks,
		"runAll archived": i.RunAllArchivedTasks, "archiveAll pending": i.ArchiveAllPendingTasks,
		"archiveAll scheduled": i.ArchiveAllScheduledTasks, "archiveAll retry": i.ArchiveAllRetryTasks,
		"deleteAll pending": i.DeleteAllPendingTasks, "deleteAll scheduled": i.DeleteAllScheduledTasks,
		"deleteAll retry": i.DeleteAllRetryTasks, "deleteAll archived": i.DeleteAllArchivedTasks,
		"deleteAll completed": i.DeleteAllCompletedTasks,
	}
	return changes[s.Op+" "+s.State](s.Queue)
}

// schedulerEntries lists the entries of all schedulers, with the option texts that the library parsed and writes again.
func (p *peer) schedulerEntries() (any, error) {
	entries, err := p.inspector.SchedulerEntries()
	all := make([]map[string]any, len(entries))
	for n, entry := range entries {
		options := make([]string, len(entry.Opts))
		for m, option := range entry.Opts {
			options[m] = option.String()
		}
		all[n] = map[string]any{
			"id": entry.ID, "spec": entry.Spec, "type": entry.Task.Type(), "payload": entry.Task.Payload(),
			"nextMs": ms(entry.Next), "prevMs": ms(entry.Prev), "options": options,
		}
	}
	return all, err
}

// clusterNodes lists the nodes that serve a queue.
func (p *peer) clusterNodes(queue string) (any, error) {
	nodes, err := p.inspector.ClusterNodes(queue)
	all := make([]map[string]any, len(nodes))
	for n, node := range nodes {
		all[n] = map[string]any{"id": node.ID, "address": node.Addr}
	}
	return all, err
}
