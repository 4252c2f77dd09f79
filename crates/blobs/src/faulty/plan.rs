//! Which calls of a store go wrong, and how. It must not know how a fault is carried out.

use std::collections::BTreeMap;

use crate::random::Random;
use crate::{ErrorKind, Op};

/// How a call goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, and the call fails with this kind (`Full` as ENOSPC, `Other` as EIO and so on).
    Fail(ErrorKind),
    /// The call has its effect, but its answer is an error of this kind.
    FailAfter(ErrorKind),
    /// Half of the bytes are lost and the call succeeds: a `Write` takes half of what it was offered and says so, a
    /// `Put` stores half, a `Read` returns half. A `ReadAt` fails with `PastEnd`, other operations as with EIO.
    Short,
    /// One bit in the middle of the bytes is turned over: on the way in for `Put` and `Write`, on the way out for
    /// `Read` and `ReadAt`. Other operations fail as with EIO.
    Flip,
    /// The store crashes before the call has any effect.
    Crash,
    /// The store crashes after the call had its effect, which its caller does not learn.
    CrashAfter,
}

/// The faults that a [`Faulty`](crate::Faulty) store commits. For each call the first rule that fits counts.
#[derive(Default)]
pub struct FaultPlan {
    rules: Vec<Rule>,
    calls: BTreeMap<Op, u64>,
}

struct Rule {
    ops: Vec<Op>,
    when: When,
    fault: Fault,
}

enum When {
    Nth(u64),
    From(u64),
    Chance { probability: f64, random: Random },
}

impl FaultPlan {
    /// A plan without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The `n`th call of `op`, counted from 1, goes wrong.
    #[must_use]
    pub fn nth(self, op: Op, n: u64, fault: Fault) -> Self {
        self.rule(&[op], When::Nth(n), fault)
    }

    /// The `n`th call of `op`, counted from 1, and all later ones go wrong.
    #[must_use]
    pub fn from(self, op: Op, n: u64, fault: Fault) -> Self {
        self.rule(&[op], When::From(n), fault)
    }

    /// Each call of one of `ops` goes wrong with a probability of 0 to 1; the seed makes that repeatable.
    #[must_use]
    pub fn chance(self, ops: &[Op], probability: f64, seed: u64, fault: Fault) -> Self {
        self.rule(ops, When::Chance { probability, random: Random::new(seed) }, fault)
    }

    fn rule(mut self, ops: &[Op], when: When, fault: Fault) -> Self {
        self.rules.push(Rule { ops: ops.to_vec(), when, fault });
        self
    }

    /// Counts a call and tells what goes wrong with it.
    pub(super) fn next(&mut self, op: Op) -> Option<Fault> {
        let count = self.calls.entry(op).or_insert(0);
        *count += 1;
        let fits = |rule: &&Rule| {
            rule.ops.contains(&op)
                && match &rule.when {
                    When::Nth(n) => n == count,
                    When::From(n) => *n <= *count,
                    When::Chance { probability, random } => random.fraction() < *probability,
                }
        };
        self.rules.iter().find(fits).map(|rule| rule.fault)
    }

    /// How many calls of an operation were counted.
    pub(super) fn calls(&self, op: Op) -> u64 {
        self.calls.get(&op).copied().unwrap_or(0)
    }
}
