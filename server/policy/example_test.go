package policy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"plateau/server/policy"
)

// A policy that lets nobody in whom it doesn't know, and gives each tenant a prefix.
func ExampleAsker() {
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q policy.Question
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Owner == "" {
			_, _ = io.WriteString(w, `{"allow":false,"reason":"who are you?"}`)
			return
		}
		_, _ = io.WriteString(w, `{"allow":true,"idPrefix":"`+q.Owner+`"}`)
	}))
	defer o.Close()
	a, err := policy.New(policy.Options{URL: o.URL})
	if err != nil {
		panic(err)
	}
	defer a.Close()
	for _, owner := range []string{"tenant1", ""} {
		answer, err := a.Ask(context.Background(), policy.Question{Owner: owner})
		fmt.Println(answer.Allow, answer.Status, answer.Reason, answer.IDPrefix, err)
	}
	// Output:
	// true 0  tenant1 <nil>
	// false 403 who are you?  <nil>
}
