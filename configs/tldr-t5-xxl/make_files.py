# SPDX-License-Identifier: Apache-2.0
"""Sorts the files of OpenAI's "Learning to summarize from human feedback" into those that experiment.yaml reads.

    train.jsonl           comparisons of batch3.json to batch10.json that are marked train
    validation.jsonl      2,000 comparisons marked valid1, of whole posts
    test.jsonl            comparisons marked valid2, one half of the posts
    judge.jsonl           the other half
    test-prompts.jsonl    1,000 posts of test.jsonl
    demonstrations.jsonl  posts with the summaries of their authors

Comparisons stay as they are; those of news articles (CNN/DM) are left out. Posts are drawn by the hash of their id.
"""
import argparse
import hashlib
import json
import pathlib

TRAINING = [f"batch{i}.json" for i in range(3, 11)]


def draw(post):
    """A number from 0 to 1 that depends on the id of the post alone."""
    return int(hashlib.sha256(post["id"].encode()).hexdigest()[:13], 16) / 16**13


def prompt_of(post):
    return f"SUBREDDIT: r/{post['subreddit']}\n\nTITLE: {post['title']}\n\nPOST: {post['post']}\n\nTL;DR:"


def read(path):
    with open(path, encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def write(path, rows):
    with open(path, "x", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    print(f"{path}: {len(rows):,} rows")


def sort_comparisons(folder):
    """Rows by the name of their file."""
    files = {"train": [], "validation": [], "test": [], "judge": []}
    for name in TRAINING:
        if not (folder / name).exists():
            raise SystemExit(f"{folder / name}: there is no such file; download all of comparisons/")
    for path in sorted(folder.glob("*.json")):
        for row in read(path):
            if "post" not in row["info"]:
                continue
            if row["split"] == "valid1":
                files["validation"].append(row)
            elif row["split"] == "valid2":
                files["test" if draw(row["info"]) < 0.5 else "judge"].append(row)
            elif path.name in TRAINING:
                files["train"].append(row)
    files["validation"] = sorted(files["validation"], key=lambda row: draw(row["info"]))[:2000]
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("comparisons", type=pathlib.Path, help="the folder with batch3.json and the other comparisons")
    parser.add_argument("posts", type=pathlib.Path, help="train.jsonl of tldr_3_filtered")
    parser.add_argument("out", type=pathlib.Path, help="where the files go, such as data/tldr")
    options = parser.parse_args()
    files = sort_comparisons(options.comparisons)
    options.out.mkdir(parents=True, exist_ok=True)
    for name, rows in files.items():
        write(options.out / f"{name}.jsonl", rows)
    posts = {row["info"]["id"]: row["info"] for row in files["test"]}
    write(options.out / "test-prompts.jsonl", [{"id": post["id"], "group": post["id"], "prompt": prompt_of(post)}
                                               for post in sorted(posts.values(), key=draw)[:1000]])
    write(options.out / "demonstrations.jsonl", [{"id": post["id"], "group": post["id"], "prompt": prompt_of(post),
                                                  "response": post["summary"]} for post in read(options.posts)])


if __name__ == "__main__":
    main()
