// SPDX-License-Identifier: Apache-2.0

// Peer is what most people would write instead of Ripcord's runtime: a controller-runtime reconciler that does for
// FeatureFlags what Ripcord does. It reads from its cache, keeps the value of each flag in a map, reads it back from
// there and writes the status with the same conditions and history, and an Event. Nothing is left at a default that
// would hold it back: no client rate limit, managed fields stripped from the cache, as many workers as Ripcord.
//
//	peer --kubeconfig FILE --namespace NAME --metrics ADDRESS [--workers 4]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

type reconciler struct {
	client client.Client
	events events.EventRecorder
	mutex  sync.RWMutex
	served map[client.ObjectKey]string
}

func (r *reconciler) serve(key client.ObjectKey, value string) (before string, known bool) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	before, known = r.served[key]
	r.served[key] = value
	return before, known
}

func (r *reconciler) ask(key client.ObjectKey) string {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	return r.served[key]
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	started := time.Now()
	read := &FeatureFlag{}
	if err := r.client.Get(ctx, request.NamespacedName, read); err != nil {
		r.mutex.Lock()
		delete(r.served, request.NamespacedName)
		r.mutex.Unlock()
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	object := read.DeepCopy()
	enabled := object.Spec.Enabled == nil || *object.Spec.Enabled
	variant := object.Spec.DefaultVariant
	if !enabled {
		variant = object.Spec.OffVariant
	}
	wanted := string(object.Spec.Variants[variant])
	r.serve(request.NamespacedName, wanted)
	value := r.ask(request.NamespacedName)

	status := &object.Status
	if status.ObservedGeneration != object.Generation && status.Value != value {
		now := metav1.Now()
		entry := HistoryEntry{From: status.Variant, To: variant, Trigger: "Spec", StartedAt: metav1.Time{Time: started}, CompletedAt: &now,
			DurationSeconds: time.Since(started).Seconds(), Result: "Succeeded"}
		status.History = append([]HistoryEntry{entry}, status.History[:min(len(status.History), 9)]...)
	}
	status.ObservedGeneration = object.Generation
	status.Variant, status.Value, status.Enabled = variant, value, enabled
	news := meta.SetStatusCondition(&status.Conditions, metav1.Condition{Type: "Ready", Status: metav1.ConditionTrue, Reason: "Serving",
		Message: fmt.Sprintf("Variant %s is served.", variant), ObservedGeneration: object.Generation})
	if equality.Semantic.DeepEqual(read.Status, object.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.client.Status().Update(ctx, object); err != nil {
		return ctrl.Result{}, err
	}
	if news && read.Status.ObservedGeneration <= 0 {
		r.events.Eventf(object, nil, corev1.EventTypeNormal, "Serving", "Reconcile", "Variant %s is served.", variant)
	}
	return ctrl.Result{}, nil
}

func run() error {
	namespace := flag.String("namespace", "", "the namespace to look after")
	metrics := flag.String("metrics", "127.0.0.1:0", "address of /metrics")
	workers := flag.Int("workers", 4, "concurrent reconciles")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	config, err := ctrl.GetConfig() // --kubeconfig is its own
	if err != nil {
		return err
	}
	config.QPS = -1
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:                        scheme(),
		Cache:                         cache.Options{DefaultNamespaces: map[string]cache.Config{*namespace: {}}, DefaultTransform: cache.TransformStripManagedFields()},
		Metrics:                       server.Options{BindAddress: *metrics},
		LeaderElection:                true,
		LeaderElectionID:              "peer",
		LeaderElectionNamespace:       *namespace,
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return err
	}
	r := &reconciler{client: manager.GetClient(), events: manager.GetEventRecorder("peer"), served: map[client.ObjectKey]string{}}
	err = ctrl.NewControllerManagedBy(manager).For(&FeatureFlag{}).Named("feature_flag").
		WithOptions(controller.Options{MaxConcurrentReconciles: *workers}).Complete(r)
	if err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		log.Fatal("peer: ", err)
	}
}
