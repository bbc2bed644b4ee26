// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// FeatureFlag has the fields of crds/ripcord.dev_featureflags.yaml that the benchmark's flags use.
type FeatureFlag struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`
	Spec              FlagSpec   `json:"spec"`
	Status            FlagStatus `json:"status,omitempty"`
}

type FlagSpec struct {
	Key            string                     `json:"key,omitempty"`
	Enabled        *bool                      `json:"enabled,omitempty"`
	Variants       map[string]json.RawMessage `json:"variants,omitempty"`
	DefaultVariant string                     `json:"defaultVariant,omitempty"`
	OffVariant     string                     `json:"offVariant,omitempty"`
	WhenDisabled   string                     `json:"whenDisabled,omitempty"`
}

type FlagStatus struct {
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	History            []HistoryEntry     `json:"history,omitempty"`
	Variant            string             `json:"variant,omitempty"`
	Value              string             `json:"value,omitempty"`
	Enabled            bool               `json:"enabled"`
	Overridden         bool               `json:"overridden"`
}

type HistoryEntry struct {
	From            string       `json:"from"`
	To              string       `json:"to"`
	Trigger         string       `json:"trigger"`
	StartedAt       metav1.Time  `json:"startedAt"`
	CompletedAt     *metav1.Time `json:"completedAt,omitempty"`
	DurationSeconds float64      `json:"durationSeconds"`
	Result          string       `json:"result,omitempty"`
	By              string       `json:"by,omitempty"`
	Reason          string       `json:"reason,omitempty"`
}

type FeatureFlagList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []FeatureFlag `json:"items"`
}

func (f *FeatureFlag) DeepCopy() *FeatureFlag {
	out := &FeatureFlag{TypeMeta: f.TypeMeta, Spec: f.Spec, Status: f.Status}
	f.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	out.Spec.Variants = maps.Clone(f.Spec.Variants) // the texts are never changed
	out.Status.Conditions = slices.Clone(f.Status.Conditions)
	out.Status.History = slices.Clone(f.Status.History)
	return out
}

func (f *FeatureFlag) DeepCopyObject() runtime.Object { return f.DeepCopy() }

func (l *FeatureFlagList) DeepCopyObject() runtime.Object {
	out := &FeatureFlagList{TypeMeta: l.TypeMeta, ListMeta: l.ListMeta}
	for i := range l.Items {
		out.Items = append(out.Items, *l.Items[i].DeepCopy())
	}
	return out
}

func scheme() *runtime.Scheme {
	s := runtime.NewScheme()
	group := schema.GroupVersion{Group: "ripcord.dev", Version: "v1alpha1"}
	s.AddKnownTypes(group, &FeatureFlag{}, &FeatureFlagList{})
	metav1.AddToGroupVersion(s, group)
	return s
}
