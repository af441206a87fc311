//! A build without the feature `cloud` says so, and does everything else.

use super::program::Project;

const PROFILE: &str = "shop:
  target: dev
  outputs:
    dev: {type: bigquery, method: oauth, project: lab, dataset: shop}
    here: {type: bigquery, method: local, project: lab, dataset: shop, path: here.duckdb}
";

#[test]
fn a_target_in_the_cloud_is_refused_with_what_to_do() {
    let project = Project::duckdb(&[("models/one.sql", "select 1 as n")]);
    project.write("profiles.yml", PROFILE);
    let refusal = "this build of rsdbt has no cloud: the target is lab.shop on BigQuery itself (`method: oauth`)";
    for command in [&["run"][..], &["debug"], &["ingest", "--drain"]] {
        let ran = project.run(command).says(refusal).says("use `method: local`");
        assert_ne!(ran.code, 0, "{command:?}");
    }
    // What asks no warehouse needs no cloud, and the same project runs on the laptop.
    project.run(&["ls"]).ok().says("shop.one");
    project.run(&["run", "--target", "here"]).ok();
}
