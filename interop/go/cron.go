package main

import (
	"time"

	"github.com/hibiken/asynq"
	"github.com/robfig/cron/v3"
)

// cronSpec asks for the next times of a schedule, as the library's scheduler computes them.
type cronSpec struct {
	Spec   string `json:"spec"`
	FromMs int64  `json:"fromMs"`
	Count  int    `json:"count"`
}

// nextTimes returns the next times in Unix milliseconds. They may be fewer than asked for.
func nextTimes(s cronSpec) (any, error) {
	schedule, err := cron.ParseStandard(s.Spec)
	if err != nil {
		return nil, err
	}
	times := []int64{}
	for at := time.UnixMilli(s.FromMs).UTC(); len(times) < s.Count; {
		at = schedule.Next(at)
		if at.IsZero() {
			break
		}
		times = append(times, at.UnixMilli())
	}
	return times, nil
}

// optionTexts returns an option of each kind as the library writes it into a scheduler entry.
func optionTexts() (any, error) {
	at := time.Date(2026, 5, 3, 7, 8, 9, 0, time.UTC)
	texts := []string{}
	for _, option := range []asynq.Option{
		asynq.MaxRetry(3), asynq.Queue("a \"b\" \\\n\u00a0ü🚚"), asynq.TaskID("t\x7f\u200b"), asynq.Group("g)"),
		asynq.Timeout(90 * time.Second), asynq.Unique(time.Hour), asynq.ProcessIn(1500 * time.Microsecond),
		asynq.Retention(25*time.Hour + 250*time.Millisecond), asynq.Deadline(at), asynq.ProcessAt(at),
	} {
		texts = append(texts, option.String())
	}
	return texts, nil
}
