package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"plateau/config"
	"plateau/server/policy"
)

// policyServer is a policy of the test.
type policyServer struct {
	*httptest.Server
	mu        sync.Mutex // guards what follows
	questions []policy.Question
	answer    func(q policy.Question, w http.ResponseWriter, r *http.Request)
}

func newPolicyServer(t *testing.T, answer func(q policy.Question) string) *policyServer {
	t.Helper()
	s := &policyServer{}
	s.says(answer)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *policyServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var q policy.Question
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.questions = append(s.questions, q)
	answer := s.answer
	s.mu.Unlock()
	answer(q, w, r)
}

func (s *policyServer) does(answer func(q policy.Question, w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *policyServer) says(answer func(q policy.Question) string) {
	s.does(func(q policy.Question, w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer(q)) })
}

// hangs makes it answer nothing until release is called, or the asker leaves.
func (s *policyServer) hangs(t *testing.T) (release func()) {
	released := make(chan struct{})
	release = sync.OnceFunc(func() { close(released) })
	t.Cleanup(release)
	s.does(func(_ policy.Question, w http.ResponseWriter, r *http.Request) {
		select {
		case <-released:
			_, _ = io.WriteString(w, yes)
		case <-r.Context().Done():
		}
	})
	return release
}

// asked returns the questions since the last call.
func (s *policyServer) asked() []policy.Question {
	s.mu.Lock()
	defer s.mu.Unlock()
	questions := s.questions
	s.questions = nil
	return questions
}

func (s *policyServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.questions)
}

func (s *policyServer) settings(c *config.Config) {
	c.PolicyURL, c.PolicyTimeout = s.URL, bound
}

const yes = `{"allow":true}`

func allowing(policy.Question) string { return yes }
