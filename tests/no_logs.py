"""What lies beside a training's log, or is handed over by mistake: nobody may take it for one."""

from __future__ import annotations

NO_LOGS: dict[str, str] = {
    "requirements.txt": "numpy==1.26.4\ntorch>=2.2,<3\ntqdm\n# logging\nwandb==0.17.0; python_version < '3.13'\n",
    "train.py": '''"""Train a small model."""
import torch

for epoch in range(10):
    for step, (x, y) in enumerate(loader):
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        if step % 100 == 0:
            print(f"epoch {epoch} step {step} loss {loss.item():.4f} lr {scheduler.get_last_lr()[0]}")
''',
    "README.md": """# My model

The loss goes to nan after step 300 when lr=0.1. With lr=0.01 it is fine: loss 0.3 after epoch 5.

| model | accuracy |
|---|---|
| small | 91.2 |
""",
    "run.sh": "#!/bin/bash\nset -e\npython train.py --lr 0.1 --epochs 90 2>&1 | tee train.log\n",
    "access.log": "".join(
        f'127.0.0.1 - - [23/Nov/2026:10:{minute:02}:00 +0000] "GET /static/{minute}.js HTTP/1.1" 200 {minute * 37}\n'
        for minute in range(30)
    ),
    "syslog": "".join(
        f"Nov 23 10:{minute:02}:17 host systemd[1]: Started session {minute} of user root.\n" for minute in range(30)
    ),
    "make.txt": "gcc -O2 -c a.c -o a.o\ngcc -O2 -c b.c -o b.o\nb.c:10:5: warning: unused 'x'\nar rcs lib.a a.o b.o\n",
    "tests.txt": "collected 3 items\n\ntests/test_a.py ..F   [100%]\n\nE   assert 1 == 2\n1 failed, 2 passed in 0.1s\n",
    "labels.csv": "file,label\n" + "".join(f"img_{number:04}.png,{number % 10}\n" for number in range(60)),
    "summary.txt": """==================================================
Layer (type:depth-idx)          Param #
==================================================
Net                             --
├─Conv2d: 1-1                   320
├─Linear: 1-2                   1,290
==================================================
Total params: 1,610
Trainable params: 1,610
""",
    "smi.txt": """+---------------------------------------------------------+
| NVIDIA-SMI 535.104.05   Driver Version: 535.104.05      |
|-------------------------------+-------------------------+
|   0  Tesla T4             Off | 00000000:00:04.0 Off    |
| N/A   47C    P0    26W /  70W |  1024MiB / 15360MiB     |
+---------------------------------------------------------+
""",
    "page.html": "<!DOCTYPE html>\n<html><head><title>loss: nan</title></head><p>step 1, loss 2</p></html>\n",
    "diary.txt": "Dear diary,\ntoday I trained for 12 hours. At 10:30 the loss was 0.3, at 11:30 it was gone.\nYours\n",
}
