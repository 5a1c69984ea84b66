package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The flags for a source that is named by its URL.
const (
	urlFlag   = "url"
	tokenFlag = "token-file"
)

// tokenFile, in a context, is the file with the token that a running service wants.
type tokenFile struct{}

// byURL gives a command whose first argument is a source the flags for one that is named by its URL. The flag stands
// for that argument; its variable does where the command line has too few arguments without it.
func byURL(cmd *cobra.Command) {
	var url, token string
	cmd.Flags().AddFlagSet(urlFlags(&url, &token))
	accepts, run := cmd.Args, cmd.RunE
	var named []string // the arguments, the source among them
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		named = args
		if url == "" || !given(cmd, urlFlag) && accepts(cmd, args) == nil {
			return accepts(cmd, args)
		}
		if !isURL(url) { // it is not repeated: there may be a password in it
			return &usageError{err: errors.New("what --" + urlFlag + " or " + variable(urlFlag) + " names is no URL"),
				hint: "give one such as https://shop.example/tilltape; a file is named without it"}
		}
		named = slices.Concat([]string{url}, args)
		if err := accepts(cmd, named); err != nil {
			return &usageError{err: fmt.Errorf("%w, the URL among them", err),
				hint: "the URL is the source: leave SOURCE out, or the URL"}
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if given(cmd, tokenFlag) && !slices.ContainsFunc(named, isService) {
			return &usageError{err: errors.New("--" + tokenFlag + " is for a running service, and none is named"),
				hint: "name it by its address, such as https://shop.example/tilltape"}
		}
		if token != "" {
			cmd.SetContext(context.WithValue(cmd.Context(), tokenFile{}, token))
		}
		return run(cmd, named)
	}
}

// urlFlags are the two flags of byURL.
func urlFlags(url, token *string) *pflag.FlagSet {
	flags := pflag.NewFlagSet("source", pflag.ContinueOnError)
	flags.StringVar(url, urlFlag, "", "the `URL` of a service or a database, in place of SOURCE")
	flags.StringVar(token, tokenFlag, "", "the `file` with the token that a service wants")
	return flags
}

func isService(name string) bool { return isRemote(name, nil) }
