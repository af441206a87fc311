//! Keys: columns that hold each other's values draw from one pool, so that every joined key is there.

use super::rules::{Place, Rules};
use std::collections::{BTreeMap, BTreeSet};

/// Columns with one pool of keys.
#[derive(Debug, Clone, PartialEq)]
pub struct Domain {
    pub members: BTreeSet<Place>,
    pub parents: BTreeSet<Place>,
}

/// The pools of a project. `is_key` tells columns whose type can be a key.
pub fn domains(rules: &Rules, is_key: &dyn Fn(&Place) -> bool) -> Vec<Domain> {
    let mut group: BTreeMap<Place, usize> = BTreeMap::new();
    let mut sets: Vec<BTreeSet<Place>> = Vec::new();
    let mut join = |a: &Place, b: &Place| {
        let (x, y) = (group.get(a).copied(), group.get(b).copied());
        let at = match (x, y) {
            (Some(x), Some(y)) if x != y => {
                let moved = std::mem::take(&mut sets[y]);
                moved.iter().for_each(|place| _ = group.insert(place.clone(), x));
                sets[x].extend(moved);
                x
            }
            (Some(x), _) | (_, Some(x)) => x,
            (None, None) => {
                sets.push(BTreeSet::new());
                sets.len() - 1
            }
        };
        for place in [a, b] {
            group.insert(place.clone(), at);
            sets[at].insert(place.clone());
        }
    };
    for (child, parent) in &rules.foreign {
        join(child, parent);
    }
    for (a, b) in rules.joined.iter().filter(|(a, b)| is_key(a) && is_key(b)) {
        join(a, b);
    }
    for (place, _) in rules.columns.iter().filter(|(_, rule)| rule.unique || rule.is_parent) {
        join(place, place);
    }
    let demanded = |place: &Place| rules.columns.get(place).is_some_and(|rule| rule.is_parent || rule.unique);
    let sets = sets.into_iter().filter(|set| !set.is_empty());
    sets.map(|members| {
        let mut parents: BTreeSet<Place> = members.iter().filter(|place| demanded(place)).cloned().collect();
        if parents.is_empty() {
            parents.extend(members.iter().find(|(_, path)| path == "id").cloned());
        }
        Domain { members, parents }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::rules::Rule;
    use super::*;

    #[test]
    fn keys_that_are_joined_share_a_pool() {
        let place = |source: &str, path: &str| (source.to_owned(), path.to_owned());
        let mut rules = Rules::default();
        rules.foreign.push((place("orders", "customer_id"), place("customers", "id")));
        rules.joined.push((place("visits", "customer"), place("orders", "customer_id")));
        rules.joined.push((place("visits", "day"), place("orders", "day")));
        rules.columns.insert(place("customers", "id"), Rule { is_parent: true, ..Rule::default() });
        let found = domains(&rules, &|place| place.1 != "day");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].members.len(), 3);
        assert_eq!(found[0].parents, BTreeSet::from([place("customers", "id")]));
    }
}
