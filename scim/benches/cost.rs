//! What the language costs at a size and at twice the size: `cargo bench -p scim`. The ratio is what to
//! look at: 2 is linear, a little more is n log n, 4 is quadratic. No test asserts a time; what is
//! counted instead is in `patch/cost.rs`.

#![expect(clippy::print_stdout, reason = "a bench says what it measured")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use scim::patch::{Patch, RawOperation};
use scim::{Resource, ResourceType, Schemas};
use serde_json::{Value, json};

fn rt() -> &'static ResourceType {
    Schemas::standard().user()
}

fn role(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

fn with_roles(count: usize) -> Resource {
    let roles: Vec<_> = (0..count).map(role).collect();
    rt().read_value(json!({"userName": "ada", "roles": roles})).expect("a user")
}

fn operation(op: &str, path: &str, value: Value) -> RawOperation {
    RawOperation { op: op.to_owned(), path: Some(path.to_owned()), value: Some(value) }
}

/// `operations` on `resource`, in as many patches as the limit asks for.
fn patch(resource: &Resource, operations: &[RawOperation]) {
    let parts = operations.chunks(scim::limits::PATCH_OPERATIONS);
    let patched = parts.fold(resource.clone(), |resource, part| {
        let patch = Patch::read(rt(), part).expect("a patch that fits");
        patch.apply(resource).expect("a patch that applies")
    });
    black_box(patched);
}

/// The best of five, as whatever else runs only adds.
fn best(work: &dyn Fn()) -> Duration {
    let times = (0..5).map(|_| {
        let began = Instant::now();
        work();
        began.elapsed()
    });
    times.min().unwrap_or_default()
}

/// Times `work`, made for a size, at `n` and at twice as much.
fn measure(what: &str, n: usize, work: &dyn Fn(usize) -> Box<dyn Fn()>) {
    let (once, twice) = (best(&*work(n)), best(&*work(2 * n)));
    let ratio = twice.as_secs_f64() / once.as_secs_f64();
    println!("{what:<52} n {n:>7}: {once:>10.2?}   2n: {twice:>10.2?}   ratio {ratio:.2}");
}

fn main() {
    measure("2,000 removals by value, of n values", 5_000, &|n| {
        let resource = with_roles(n);
        let remove =
            |i| operation("remove", &format!("roles[value eq \"{}\"]", role(i)), Value::Null);
        let operations: Vec<_> = (0..2_000).map(|i| remove(n - 1 - i)).collect();
        Box::new(move || patch(&resource, &operations))
    });
    measure("2,000 additions to n values", 4_000, &|n| {
        let resource = with_roles(n);
        let add = |i| operation("add", "roles", json!([{"value": role(i)}]));
        let operations: Vec<_> = (n..n + 2_000).map(add).collect();
        Box::new(move || patch(&resource, &operations))
    });
    measure("2,000 changes by value, of n values", 5_000, &|n| {
        let resource = with_roles(n);
        let path = |i| format!("roles[value eq \"{}\"].display", role(i));
        let operations: Vec<_> =
            (0..2_000).map(|i| operation("replace", &path(i), json!("x"))).collect();
        Box::new(move || patch(&resource, &operations))
    });
    measure("n listed removals, of 10,000 values", 5_000, &|n| {
        let resource = with_roles(10_000);
        let listed: Vec<_> = (0..n).map(|i| json!({"value": role(i)})).collect();
        let operations = [operation("remove", "roles", json!(listed))];
        Box::new(move || patch(&resource, &operations))
    });
    measure("n operations on a user without values", 500, &|n| {
        let resource = with_roles(0);
        let operations = vec![operation("replace", "name.givenName", json!("Ada")); n];
        Box::new(move || patch(&resource, &operations))
    });
    measure("a body of n values", 5_000, &|n| {
        let text = with_roles(n).to_json();
        Box::new(move || drop(black_box(rt().read(&text))))
    });
    measure("a body of n unknown names", 25_000, &|n| {
        let names: Vec<_> = (0..n).map(|n| format!("\"k{n}\":1")).collect();
        let text = format!("{{{},\"userName\":\"ada\"}}", names.join(","));
        Box::new(move || drop(black_box(rt().read(&text))))
    });
    measure("a number of n digits", 400_000, &|n| {
        let text = format!("{{\"userName\":0.{}}}", "9".repeat(n));
        Box::new(move || drop(black_box(rt().read(&text))))
    });
    measure("a fold of n marks", 8_000, &|n| {
        let text = format!("e{}", "\u{301}\u{323}".repeat(n / 2));
        Box::new(move || drop(black_box(scim::fold::fold(&text))))
    });
    measure("a filter of n terms", 50, &|n| {
        let text = vec!["emails[type eq \"work\"].value eq \"a@b.c\""; n].join(" or ");
        Box::new(move || {
            drop(black_box(scim::filter::parse(&text).map(|filter| filter.bind(rt()))));
        })
    });
}
